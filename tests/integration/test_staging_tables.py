"""Orphaned staging tables: those whose rows are all in their main table can go; no other ever does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from grading.cli import commands
from grading.maintenance.orphans import Orphan, OrphanVerdict, StagingTables
from grading.processors import GRADING
from grading.wiring import Application
from tests.integration.conftest import rows_of
from tests.integration.damaged import at_terminal, count, execute, grades_with_copies
from tests.integration.slate import load, predictions
from tests.zetasql_check import Judge

DAY = date(2026, 1, 16)
OWN = f"{GRADING.name}_20260116_{'0' * 32}_1"


@pytest.fixture
def tables(application: Application) -> StagingTables:
    return StagingTables(
        settings=application.settings,
        jobs=application.jobs("staging", 60),
        audit=application.audit,
    )


@pytest.fixture
def batches(application: Application, bigquery_client: bigquery.Client, judge: Judge) -> Application:
    """Seven batches beside a main table of ten predictions, and a table of another name."""
    settings = application.settings
    main = settings.input_table("predictions_table")
    load(bigquery_client, settings, predictions(DAY, 10), [])
    made = {
        "_staging_batch_all_there": f"SELECT * FROM `{main}` WHERE game_date = '{DAY}'",
        "_staging_batch_superseded": f"SELECT * REPLACE (TIMESTAMP '2024-01-15 11:00:00+00:00' AS created_at)"
        f" FROM `{main}` WHERE game_date = '{DAY}'",
        "_staging_batch_one_missing": f"SELECT * REPLACE (IF(player_lookup = 'player0003', 'other', player_lookup)"
        f" AS player_lookup) FROM `{main}` WHERE game_date = '{DAY}'",
        "_staging_batch_newer": f"SELECT * REPLACE (IF(player_lookup = 'player0003', "
        f"TIMESTAMP '2024-01-15 19:00:00+00:00', created_at) AS created_at) FROM `{main}` WHERE game_date = '{DAY}'",
        "_staging_batch_null_line": f"SELECT * REPLACE (CAST(NULL AS NUMERIC) AS current_points_line)"
        f" FROM `{main}` WHERE game_date = '{DAY}' AND player_lookup = 'player0003'",
        "_staging_batch_undated": f"SELECT * REPLACE (IF(player_lookup = 'player0003', NULL, game_date) AS game_date)"
        f" FROM `{main}` WHERE game_date = '{DAY}'",
        "_staging_batch_other_columns": "SELECT 1 AS a",
        "staging_notes": "SELECT 1 AS a",
    }
    for name, select in made.items():
        execute(bigquery_client, f"CREATE TABLE `{main.sibling(name)}` AS {select}")
        judge.alias(str(main.sibling(name)), str(main))
    return application


def _judged(tables: StagingTables, application: Application) -> dict[str, Orphan]:
    found = tables.find(older_than=timedelta(hours=-1))
    return {known.path.table: tables.judge(known) for known in found}


def test_only_tables_with_every_row_in_the_main_table_are_consolidated(
    batches: Application, tables: StagingTables
) -> None:
    """A missing key, a NULL line as a key of its own, a newer row, a row without a date or a column: not."""
    judged = {name: orphan.verdict for name, orphan in _judged(tables, batches).items()}
    assert judged == {
        "_staging_batch_all_there": OrphanVerdict.CONSOLIDATED,
        "_staging_batch_superseded": OrphanVerdict.CONSOLIDATED,
        "_staging_batch_one_missing": OrphanVerdict.NOT_CONSOLIDATED,
        "_staging_batch_newer": OrphanVerdict.NOT_CONSOLIDATED,
        "_staging_batch_null_line": OrphanVerdict.NOT_CONSOLIDATED,
        "_staging_batch_undated": OrphanVerdict.UNCHECKED,
        "_staging_batch_other_columns": OrphanVerdict.UNCHECKED,
    }


def test_the_command_drops_the_consolidated_ones_and_nothing_else(
    batches: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First it only lists; --execute drops two, with a backup that undo brings back, and exits 1 for the rest."""
    for command in ("staging", "undo"):
        at_terminal(monkeypatch, command, batches)
    main = batches.settings.input_table("predictions_table")

    def present() -> set[str]:
        tables = bigquery_client.list_tables(f"{main.project}.{main.dataset}")
        return {table.table_id for table in tables if "staging" in table.table_id}

    everything = present()
    cli = CliRunner()
    listed = cli.invoke(commands, ["staging", "--older-than", "-1"])
    assert listed.exit_code == 0, listed.output
    assert "7 staging tables, 2 consolidated" in listed.output
    assert "1 keys are not in player_prop_predictions" in listed.output
    assert present() == everything
    done = cli.invoke(commands, ["staging", "--older-than", "-1", "--execute"])
    assert done.exit_code == 1, done.output
    assert everything - present() == {"_staging_batch_all_there", "_staging_batch_superseded"}
    runs = rows_of(bigquery_client, f"SELECT status, detail FROM `{batches.settings.target('grading_runs')}`")
    assert {row["status"] for row in runs} == {"staging_dropped"}
    for row in runs:
        assert f"undo {str(row['detail']).split('-')[2]} --execute" in done.output
        undone = cli.invoke(commands, ["undo", str(row["detail"]), "--execute"])
        assert undone.exit_code == 0, (undone.output, undone.exception)
    assert count(bigquery_client, f"SELECT COUNT(*) FROM `{main.sibling('_staging_batch_all_there')}`") == 10
    assert present() == everything


def test_a_young_table_is_left_alone(batches: Application, tables: StagingTables) -> None:
    """It may belong to a run that is at work."""
    assert tables.find(older_than=timedelta(hours=24)) == []


def test_a_table_that_is_not_consolidated_is_refused_at_the_last_step(
    batches: Application, tables: StagingTables
) -> None:
    """Whoever calls it."""
    orphan = _judged(tables, batches)["_staging_batch_newer"]
    with pytest.raises(ValueError, match="never dropped"):
        tables.drop(orphan, keep_days=1)


def test_a_table_written_after_it_was_checked_stays(
    batches: Application, tables: StagingTables, bigquery_client: bigquery.Client
) -> None:
    """Its new rows were never compared."""
    orphan = _judged(tables, batches)["_staging_batch_all_there"]
    path = orphan.staging.path
    execute(bigquery_client, f"INSERT INTO `{path}` SELECT * FROM `{path}` LIMIT 1")
    assert tables.drop(orphan, keep_days=1) is None
    assert count(bigquery_client, f"SELECT COUNT(*) FROM `{path}`") == 11


def test_a_staging_table_of_our_own_is_known_by_its_name(
    application: Application, tables: StagingTables, bigquery_client: bigquery.Client, judge: Judge
) -> None:
    """Its rows are compared with the table that the processor writes."""
    settings = application.settings
    grades_with_copies(bigquery_client, settings, DAY, keys=20, excess=0)
    target, staging = settings.target(GRADING.name), settings.staging(OWN)
    execute(bigquery_client, f"CREATE TABLE `{staging}` AS SELECT * FROM `{target}` WHERE game_date = '{DAY}'")
    judge.alias(str(staging), str(target))
    assert _judged(tables, application)[OWN].verdict is OrphanVerdict.CONSOLIDATED
    execute(bigquery_client, f"DELETE FROM `{target}` WHERE game_date = '{DAY}' AND line_value IS NULL")
    judged = _judged(tables, application)[OWN]
    assert (judged.verdict, judged.why) == (
        OrphanVerdict.NOT_CONSOLIDATED,
        "3 keys are not in prediction_accuracy, or only as older rows",
    )
