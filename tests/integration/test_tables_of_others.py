"""Columns, types and options that the service would not have chosen: nothing is lost, and catch-up comes to rest."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.clock import Clock, Deadline
from foundation.errors import AccessRefused
from grading.api import PredictionAccuracyProcessor
from grading.batch import Batch
from grading.maintenance.backup import make_backup
from grading.maintenance.orphans import StagingTables
from grading.maintenance.repair_result import Result
from grading.maintenance.repair_rows import RepairedState
from grading.maintenance.repair_tables import PREDICTIONS, REPAIR_TABLES
from grading.outcome import Outcome, Status
from grading.processors import GRADING, PROCESSORS
from grading.report.accuracy import accuracy_of
from grading.run import Request, Run
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.rules import compute
from grading.writing.schema import create_tables
from grading.writing.staging import QueriedRows
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.damaged import NOON, execute, grades_with_copies
from tests.integration.slate import box_scores, load, load_day, predictions
from tests.zetasql_check import Judge
from warehouse.bigquery import Warehouse
from warehouse.columns import Table
from warehouse.statements import Sql, TablePath

DAY = date(2026, 1, 18)
# The application's clock stands in the past of the tables that the tests make.
_NEWER_THAN_NOW = timedelta(days=-4000)


@pytest.fixture
def clock() -> Clock:
    return NOON


def grade(application: Application, day: date = DAY, *, allow_shrink: bool = False) -> Outcome:
    request = Request(date=day, allow_shrink=allow_shrink)
    return application.service.run(GRADING, request, Deadline.after(60, application.clock))


def target(application: Application) -> str:
    return str(application.settings.target(GRADING.name))


def rows(application: Application, columns: str = "*") -> list[dict[str, Any]]:
    sql = f"SELECT {columns} FROM `{target(application)}` WHERE game_date = DATE '{DAY}' ORDER BY player_lookup"
    return rows_of(application.bigquery_client, sql)


@pytest.fixture
def with_notes(application: Application, bigquery_client: bigquery.Client, judge: Judge) -> Application:
    """Ten graded rows in a table with further columns, which someone has filled."""
    judge.check(f"CREATE TABLE `{target(application)}` (note STRING, tags ARRAY<STRING>, details JSON)")
    for column in ("note STRING", "tags ARRAY<STRING>", "details JSON"):
        execute(bigquery_client, f"ALTER TABLE `{target(application)}` ADD COLUMN {column}")
    load_day(bigquery_client, application.settings, DAY, 10)
    assert grade(application).status is Status.SUCCESS
    execute(
        bigquery_client,
        f"""UPDATE `{target(application)}` SET note = CONCAT('n', player_lookup), tags = ['a', 'b'],
        details = JSON '{{"x": 1}}' WHERE game_date = DATE '{DAY}'""",
    )
    return application


def test_further_columns_keep_their_values_when_a_date_is_graded_again(with_notes: Application) -> None:
    assert grade(with_notes).status is Status.SUCCESS
    kept = rows(with_notes, "player_lookup, note, tags, TO_JSON_STRING(details) AS details")
    assert len(kept) == 10
    assert all(row["note"] == f"n{row['player_lookup']}" for row in kept)
    assert all(row["tags"] == ["a", "b"] and json.loads(row["details"]) == {"x": 1} for row in kept)


def test_the_staged_columns_are_those_that_are_published(with_notes: Application) -> None:
    """They are not asked for: a column that nobody names would never reach the table."""
    deadline = Deadline.after(60, with_notes.clock)
    for processor in PROCESSORS:
        batch = Batch.of(Run.start(processor, Request(date=DAY), with_notes.settings, with_notes.warehouse, deadline))
        staged = QueriedRows(compute(batch)).stage(batch)
        assert list(staged.columns) == [column.name for column in with_notes.warehouse.columns(staged.table)]
        assert ({"note", "tags", "details"} <= set(staged.columns)) is (processor is GRADING)


def test_the_inputs_are_looked_at_at_once(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks are held meanwhile: nobody answers before all three are asked."""
    asked = threading.Barrier(3, timeout=20)
    describe, bytes_scanned = Warehouse.describe, Warehouse.bytes_scanned
    looked_at = {application.settings.input_table(name) for name in ("predictions_table", "box_scores_table")}

    def describe_together(warehouse: Warehouse, path: TablePath, **options: Any) -> Table:
        if path in looked_at:
            asked.wait()
        return describe(warehouse, path, **options)

    def scan_together(warehouse: Warehouse, sql: Sql, **options: Any) -> int:
        asked.wait()
        return bytes_scanned(warehouse, sql, **options)

    deadline = Deadline.after(60, application.clock)
    batch = Batch.of(Run.start(GRADING, Request(date=DAY), application.settings, application.warehouse, deadline))
    monkeypatch.setattr(Warehouse, "describe", describe_together)
    monkeypatch.setattr(Warehouse, "bytes_scanned", scan_together)
    assert compute(batch).last_writes.keys() == looked_at


def test_rows_from_python_keep_them_too(with_notes: Application) -> None:
    given = [{**row, "predicted_points": Decimal(20)} for row in rows(with_notes, _DECLARED)]
    outcome = PredictionAccuracyProcessor(with_notes).write_graded_results(given, DAY)
    assert outcome.status is Status.SUCCESS
    written = rows(with_notes, "predicted_points, note, tags")
    assert [row["note"] for row in written] == [f"n{row['player_lookup']}" for row in given]
    assert {row["predicted_points"] for row in written} == {Decimal(20)}
    assert all(row["tags"] == ["a", "b"] for row in written)


_DECLARED = "player_lookup, game_id, game_date, system_id, line_value, graded_at"


def test_a_publish_that_would_lose_values_is_held_back_and_says_so(
    with_notes: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    source = with_notes.settings.input_table("predictions_table")
    execute(
        bigquery_client,
        f"UPDATE `{source}` SET is_active = FALSE WHERE game_date = DATE '{DAY}' AND player_lookup = 'player0003'",
    )
    outcome = grade(with_notes)
    assert outcome.status is Status.SHRUNK
    why = "1 rows hold values that only they have (note, tags, details), and their keys are not graded any more"
    assert outcome.detail == why
    assert len(rows(with_notes)) == 10
    (alert,) = [alert for alert in notifier.alerts if alert.check == "shrunk"]
    assert why in alert.what_happened
    assert grade(with_notes, allow_shrink=True).status is Status.SUCCESS
    assert len(rows(with_notes)) == 9


def test_a_vanished_key_without_such_values_holds_nothing_back(
    with_notes: Application, bigquery_client: bigquery.Client
) -> None:
    source = with_notes.settings.input_table("predictions_table")
    only = f"game_date = DATE '{DAY}' AND player_lookup = 'player0003'"
    execute(bigquery_client, f"UPDATE `{target(with_notes)}` SET note = NULL, tags = [], details = NULL WHERE {only}")
    execute(bigquery_client, f"UPDATE `{source}` SET is_active = FALSE WHERE {only}")
    assert grade(with_notes).status is Status.SUCCESS
    assert len(rows(with_notes)) == 9


@pytest.fixture
def rounding(
    input_tables: Settings, bigquery_client: bigquery.Client, sink: RecordingSink, notifier: RecordingNotifier
) -> Application:
    """An application whose grades keep few digits: lines and minutes one, confidence three."""
    application = Application(input_tables, clock=NOON, sinks=(sink,), notifier=notifier)
    create_tables(input_tables, application.jobs("init", 60))
    path = target(application)
    found = application.warehouse.columns(input_tables.target(GRADING.name))
    coarse = {"line_value": "NUMERIC(5, 1)", "minutes_played": "NUMERIC(5, 1)", "confidence_score": "NUMERIC(4, 3)"}
    columns = ", ".join(f"{c.name} {coarse.get(c.name, c.type.text)}{' NOT NULL' if c.required else ''}" for c in found)
    execute(bigquery_client, f"DROP TABLE `{path}`")
    execute(bigquery_client, f"CREATE TABLE `{path}` ({columns}) PARTITION BY game_date")
    return application


def test_rounded_values_are_one_story_and_catch_up_comes_to_rest(
    rounding: Application, bigquery_client: bigquery.Client
) -> None:
    """Key, margin and decile are computed from the values that the table keeps."""
    changed = {"current_points_line": "9.54", "confidence_score": "0.8996"}
    predicted = [{**row, **changed} for row in predictions(DAY, 3)]
    again = [{**row, "current_points_line": "9.46", "prediction_id": f"z{n}"} for n, row in enumerate(predicted)]
    played = [{**row, "minutes_played": "30.26"} for row in box_scores(DAY, 3)]
    load(bigquery_client, rounding.settings, [*predicted, *again], played)
    first = rounding.catch_up.run(7, Deadline.after(300, rounding.clock))
    assert [outcome.status for outcome in first.outcomes if outcome.processor == GRADING.name] == [Status.SUCCESS]
    graded = rows(rounding, "line_value, actual_points - line_value - actual_margin AS off, confidence_score, "
                            "confidence_decile, minutes_played")  # fmt: skip
    assert len(graded) == 3
    assert {row["line_value"] for row in graded} == {Decimal("9.5")}
    assert {row["off"] for row in graded} == {Decimal(0)}
    assert {(row["confidence_score"], row["confidence_decile"]) for row in graded} == {(Decimal("0.9"), 10)}
    assert {row["minutes_played"] for row in graded} == {Decimal("30.3")}
    for _ in range(3):
        assert rounding.catch_up.run(7, Deadline.after(300, rounding.clock)).outcomes == []


def test_a_line_that_rounds_to_a_placeholder_is_one_in_grades_and_coverage(
    rounding: Application, bigquery_client: bigquery.Client
) -> None:
    """19.96 is kept as 20.0, which is no line: not graded, and counted as what it is."""
    lines = ["19.96", "20", "20.04", "20.06"]
    rounded = [{**row, "current_points_line": line} for row, line in zip(predictions(DAY, 4), lines, strict=True)]
    load(bigquery_client, rounding.settings, rounded, box_scores(DAY, 3))
    outcome = grade(rounding)
    assert outcome.coverage
    assert {cause: count for cause, count in outcome.coverage.ungraded.items() if count} == {
        "placeholder_line": 3,
        "no_box_score_for_player": 1,
    }
    assert rows(rounding) == []


def test_the_newest_line_of_a_bet_is_found_by_what_the_grades_keep_of_it(
    rounding: Application, bigquery_client: bigquery.Client
) -> None:
    """A line of 8.54 is graded as 8.5; it is the newest, and won."""
    first = [{**row, "current_points_line": "90.5", "recommendation": "OVER"} for row in predictions(DAY, 1)]
    moved = [{**row, "current_points_line": "8.54", "prediction_id": "moved"} for row in first]
    for row in moved:
        row["created_at"] = f"{DAY}T23:30:00Z"
    load(bigquery_client, rounding.settings, [*first, *moved], [{**row, "points": 9} for row in box_scores(DAY, 1)])
    assert grade(rounding).status is Status.SUCCESS
    later = Application(rounding.settings, clock=NOON, sinks=(), notifier=RecordingNotifier())
    for found in accuracy_of(later.settings, later.jobs("test", 60), DAY, DAY):
        assert (found.predictions, found.hits) == (1, 1)


def test_dates_before_adopt_from_are_left_alone(application: Application, bigquery_client: bigquery.Client) -> None:
    load_day(bigquery_client, application.settings, DAY, 2)
    later = Application(
        replace(application.settings, adopt_from="2026-01-19"),
        clock=NOON,
        sinks=(),
        notifier=RecordingNotifier(),
    )
    assert later.catch_up.run(7, Deadline.after(300, later.clock)).outcomes == []
    assert grade(later).status is Status.SUCCESS  # by hand it may


@pytest.fixture
def expiring(
    input_tables: Settings, bigquery_client: bigquery.Client, sink: RecordingSink, notifier: RecordingNotifier
) -> Application:
    """An application whose grades expire after 30 days."""
    application = Application(input_tables, clock=NOON, sinks=(sink,), notifier=notifier)
    create_tables(input_tables, application.jobs("init", 60))
    found = application.warehouse.columns(input_tables.target(GRADING.name))
    columns = ", ".join(f"{c.name} {c.type}{' NOT NULL' if c.required else ''}" for c in found)
    execute(bigquery_client, f"DROP TABLE `{target(application)}`")
    execute(
        bigquery_client,
        f"CREATE TABLE `{target(application)}` ({columns}) PARTITION BY game_date "
        f"OPTIONS (partition_expiration_days = 30)",
    )
    return application


def test_a_date_that_would_expire_at_once_is_refused(expiring: Application, bigquery_client: bigquery.Client) -> None:
    """The emulator would keep the rows: BigQuery deletes them after the success."""
    load_day(bigquery_client, expiring.settings, date(2025, 12, 21), 2)
    load_day(bigquery_client, expiring.settings, DAY, 2)
    outcome = grade(expiring, date(2025, 12, 21))
    assert outcome.status is Status.FAILED
    assert outcome.detail == (
        f"{target(expiring)} deletes partitions after 30 days: 2025-12-21 would be gone as soon as it is written. "
        f"Nothing was published. To keep its dates: ALTER TABLE `{target(expiring)}` "
        f"SET OPTIONS (partition_expiration_days = NULL)"
    )
    assert grade(expiring).status is Status.SUCCESS


def test_undo_works_with_a_backup_from_before_a_column_was_added(
    application: Application, bigquery_client: bigquery.Client, judge: Judge
) -> None:
    judge.check(f"CREATE TABLE `{target(application)}` (note STRING, tags ARRAY<STRING>, details JSON)")
    grades_with_copies(bigquery_client, application.settings, DAY, keys=10, excess=4)
    repaired = REPAIR_TABLES[GRADING.name]
    deadline = Deadline.after(200, application.clock)
    jobs = application.jobs("backup", 60)
    before = make_backup(repaired.path(application.settings), application.settings, jobs, days=1)
    [done] = application.repairer.deduplicate(repaired, [DAY], before, deadline, merge_differing=True).outcomes
    assert (done.result, done.rows_after) == (Result.REPAIRED, 10)
    for column in ("note STRING", "tags ARRAY<STRING>", "details JSON"):
        execute(bigquery_client, f"ALTER TABLE `{target(application)}` ADD COLUMN {column}")
    after = make_backup(repaired.path(application.settings), application.settings, jobs, days=1)
    over = {DAY: RepairedState(done.run_id, done.rows_after)}
    [undone] = application.repairer.restore(
        repaired, [DAY], before, after, deadline, over=over, overwrite=False
    ).outcomes
    assert (undone.result, undone.rows_after, undone.detail) == (Result.REPAIRED, 14, "")
    assert {row["note"] for row in rows(application, "note")} == {None}


def _refusing(application: Application, name: str) -> Callable[..., int]:
    asked = application.warehouse.bytes_scanned

    def bytes_scanned(sql: Sql, *, deadline: Deadline | None = None) -> int:
        if name in sql.text:
            raise AccessRefused(f"403 Access Denied: Table {name}: User does not have permission to query table {name}")
        return asked(sql, deadline=deadline)

    return bytes_scanned


def test_an_optional_input_that_may_not_be_read_is_read_as_empty(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warning comes once, whatever is graded after it."""
    load_day(bigquery_client, application.settings, DAY, 2)
    monkeypatch.setattr(application.warehouse, "bytes_scanned", _refusing(application, "nbac_injury_report"))
    assert grade(application).status is Status.SUCCESS
    assert grade(application).status is Status.SUCCESS
    (warned,) = sink.named("optional_input_absent")
    assert "injury_report is read as empty" in warned.message
    assert "Access Denied" in warned.message


def test_without_an_optional_input_nothing_is_warned_of(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    load_day(bigquery_client, application.settings, DAY, 2)
    without = Application(
        replace(application.settings, injury_report_table="none"),
        clock=NOON, sinks=(sink,), notifier=RecordingNotifier(),
    )  # fmt: skip
    assert grade(without).status is Status.SUCCESS
    assert sink.named("optional_input_absent") == []


def test_more_staging_tables_than_one_listing_tells(application: Application) -> None:
    """INFORMATION_SCHEMA.PARTITIONS stops at 1,000 tables."""
    client, settings = application.bigquery_client, application.settings
    field = bigquery.SchemaField("a", "INTEGER")
    paths = [settings.staging(f"_staging_batch_{number:04}") for number in range(1500)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: client.create_table(bigquery.Table(str(path), [field]), timeout=60), paths))
    tables = StagingTables(settings=settings, jobs=application.jobs("staging", 300), audit=application.audit)
    found = tables.find(older_than=_NEWER_THAN_NOW)
    assert [known.path for known in found] == paths
    assert {known.main for known in found} == {PREDICTIONS}
