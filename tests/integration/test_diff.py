"""`diff` finds exactly what changed between two publishes; `grade --dry-run` shows it before, and changes nothing."""

from __future__ import annotations

import json
import os
import re
import resource
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.cloud import bigquery

from bench.generated_date import DAY as LARGE_DAY
from bench.generated_date import WORST_DATE_ROWS, make_date
from foundation.clock import Deadline, SystemClock
from foundation.errors import InvalidSettings
from foundation.events import EventLog
from grading.history import RunHistory, RunRecord
from grading.outcome import Status
from grading.processors import GRADING, PROCESSORS
from grading.report.diff import SAMPLES, Difference, between, choose, ensure_readable
from grading.report.preview import preview
from grading.run import Request, Run
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.load import create_input_tables
from localdev.settings import local_settings
from tests.integration.conftest import DAY, RecordingNotifier, rows_of
from tests.integration.slate import load, load_day, predictions
from tests.zetasql_check import Judge

CHANGED, REMOVED = 37, 11
ROWS = WORST_DATE_ROWS if os.environ.get("LONG_TESTS") else 20_000


@pytest.fixture(scope="module")
def keeping_emulator(log_directory: Path) -> Iterator[BigQueryEmulator]:
    """An emulator that keeps what its tables held."""
    with BigQueryEmulator(log_directory=log_directory, retention_days=1) as emulator:
        yield emulator


@pytest.fixture
def keeping(keeping_emulator: BigQueryEmulator, tmp_path: Path, judge: Judge) -> Iterator[Application]:
    settings = local_settings(
        bigquery_endpoint=keeping_emulator.endpoint,
        dataset_suffix=f"_{uuid.uuid4().hex[:10]}",
        lock_store="sqlite",
        lock_sqlite_path=str(tmp_path / "locks.sqlite3"),
        function_timeout_seconds=500.0,
    )
    statements: list[tuple[str, str]] = []
    application = Application(
        settings, sinks=(), notifier=RecordingNotifier(), observe=lambda job, sql: statements.append((job, sql))
    )
    create_input_tables(application.bigquery_client, settings)
    create_tables(settings, application.jobs("init", 60))
    yield application
    application.bigquery_client.close()
    judge.check_all(statements)


def grade(application: Application, day: object = DAY) -> None:
    request = Request(date=day, trigger_source="test")  # type: ignore[arg-type]
    outcome = application.service.run(GRADING, request, Deadline.after(240, SystemClock()))
    assert outcome.status.published, outcome
    # The emulator keeps a copy of what a single statement changes, not of what a script does.
    table = application.settings.target(GRADING.name)
    query(application, f"UPDATE `{table}` SET model_version = model_version WHERE game_date = '1900-01-01'")


def difference(
    application: Application, day: object = DAY, older: str | None = None, newer: str | None = None
) -> Difference:
    request = Request(date=day)  # type: ignore[arg-type]
    deadline = Deadline.after(240, SystemClock())
    run = Run.start(GRADING, request, application.settings, application.warehouse, deadline)
    runs = RunHistory(application.settings, run.jobs).of_date(run.date)
    return between(run, choose(runs, older, newer))


def query(application: Application, sql: str) -> None:
    application.bigquery_client.query(sql, timeout=120).result(timeout=120)


def test_exactly_the_changed_rows_of_a_large_date_are_found(keeping: Application) -> None:
    """Of 263,274 predictions (LONG_TESTS=1) some predict otherwise and some went. The client's memory does not grow."""
    make_date(keeping.bigquery_client, keeping.settings, ROWS)
    grade(keeping, LARGE_DAY)
    table = keeping.settings.target(GRADING.name)
    inputs = keeping.settings.input_table("predictions_table")
    keys = "player_lookup, game_id, system_id, line_value"
    picked = rows_of(
        keeping.bigquery_client,
        f"SELECT {keys} FROM `{table}` WHERE game_date = '{LARGE_DAY}' AND line_value IS NOT NULL "
        f"ORDER BY {keys} LIMIT {CHANGED + REMOVED}",
    )

    def same_key(row: dict[str, object]) -> str:
        return (
            f"(player_lookup = '{row['player_lookup']}' AND game_id = '{row['game_id']}' "
            f"AND system_id = '{row['system_id']}' AND current_points_line = {row['line_value']})"
        )

    changed = " OR ".join(same_key(row) for row in picked[:CHANGED])
    removed = " OR ".join(same_key(row) for row in picked[CHANGED:])
    query(keeping, f"UPDATE `{inputs}` SET predicted_points = predicted_points + 1 WHERE {changed}")
    query(keeping, f"UPDATE `{inputs}` SET is_active = FALSE WHERE {removed}")
    grade(keeping, LARGE_DAY)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = difference(keeping, LARGE_DAY)

    assert (found.added, found.removed, found.changed) == (0, REMOVED, CHANGED)
    assert found.unchanged > 0.8 * ROWS
    assert found.columns["predicted_points"] == CHANGED
    assert set(found.columns) <= {
        "predicted_points", "absolute_error", "signed_error", "predicted_margin", "within_3_points", "within_5_points",
    }  # fmt: skip
    assert [sample.kind for sample in found.samples] == ["changed"] * SAMPLES + ["removed"] * SAMPLES
    expected = {str(row["player_lookup"]) for row in picked}
    assert {sample.key["player_lookup"] for sample in found.samples} <= expected
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 20 * 1024
    left = keeping.bigquery_client.list_tables(keeping.settings.staging_dataset, timeout=20)
    assert list(left) == []


def test_runs_may_be_named_and_copies_of_a_key_are_counted(keeping: Application) -> None:
    """Three publishes and a foreign writer's copies in between: each pair of states by itself; NULL lines match."""
    load_day(keeping.bigquery_client, keeping.settings, DAY, 5)
    query(
        keeping,
        f"UPDATE `{keeping.settings.input_table('predictions_table')}` "
        f"SET current_points_line = NULL, line_source = 'NO_PROP_LINE' WHERE player_lookup = 'player0000'",
    )
    grade(keeping)
    table = keeping.settings.target(GRADING.name)
    query(keeping, f"INSERT INTO `{table}` SELECT * FROM `{table}` WHERE game_date = '{DAY}'")
    grade(keeping)
    newer = predictions(DAY, 1, predicted=20.0, created="2024-01-15T13:00:00Z")
    load(keeping.bigquery_client, keeping.settings, [{**newer[0], "player_lookup": "player0001"}], [])
    grade(keeping)
    runs = RunHistory(keeping.settings, keeping.jobs("runs", 60)).of_date(DAY)
    first, second, third = (run.run_id for run in sorted(runs, key=lambda run: run.fence_token or 0))

    last = difference(keeping)
    assert (last.added, last.removed, last.changed, last.unchanged) == (0, 0, 1, 4)
    assert last.samples[0].key["player_lookup"] == "player0001"
    assert re.match(r"predicted_points: 10(\.0+)? -> 20(\.0+)?; ", last.samples[0].differs)
    whole = difference(keeping, older=first[:8], newer=third[:8])
    assert (whole.added, whole.removed, whole.changed, whole.unchanged) == (0, 5, 1, 4)
    doubled = difference(keeping, older=first[:8], newer=second[:8])
    assert (doubled.added, doubled.removed, doubled.changed, doubled.unchanged) == (0, 5, 0, 5)
    with pytest.raises(InvalidSettings, match="swap them"):
        difference(keeping, older=third, newer=first)
    with pytest.raises(InvalidSettings, match="'zzz' is no publish of this date: use one of"):
        difference(keeping, older="zzz")


def test_beyond_what_the_dataset_keeps_it_says_so() -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC)
    ensure_readable(now - timedelta(hours=47), now, 48)
    with pytest.raises(InvalidSettings, match="keeps them for 2 days; compare with a backup"):
        ensure_readable(now - timedelta(hours=49), now, 48)


def _print_of(application: Application) -> str:
    """Everything that a preview must leave alone."""
    settings = application.settings
    state: dict[str, object] = {}
    for processor in PROCESSORS:
        for table in (settings.target(processor.name), settings.target(f"{processor.name}_fence")):
            rows = rows_of(application.bigquery_client, f"SELECT * FROM `{table}`")
            state[str(table)] = sorted(map(repr, rows))
    runs = settings.target("grading_runs")
    state["runs"] = sorted(map(repr, rows_of(application.bigquery_client, f"SELECT * FROM `{runs}`")))
    tables = application.bigquery_client.list_tables(settings.staging_dataset, timeout=20)
    state["staging"] = [table.table_id for table in tables]
    return json.dumps(state)


def look(application: Application, **request: bool) -> Difference | Status | None:
    deadline = Deadline.after(90, application.clock)
    found = preview(
        application.settings, application.warehouse, GRADING, Request(date=DAY, **request), deadline, EventLog()
    )
    look.checks = {check.check: check.verdict for check in found.checks}  # type: ignore[attr-defined]
    look.status = found.status  # type: ignore[attr-defined]
    return found.difference


def test_a_preview_shows_what_would_change_and_changes_nothing(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """Before the first run, with another prediction, and when far fewer keys would be published."""
    settings = application.settings
    load_day(bigquery_client, settings, DAY, 10)
    before = _print_of(application)
    found = look(application)
    assert isinstance(found, Difference)
    assert (found.added, found.removed, found.changed, found.unchanged) == (10, 0, 0, 0)
    assert look.checks == {"rows": "pass", "duplicates": "pass", "size": "pass", "coverage": "pass"}
    assert _print_of(application) == before

    grade(application)
    newer = predictions(DAY, 1, predicted=20.0, created="2024-01-15T13:00:00Z")
    load(bigquery_client, settings, newer, [])
    before = _print_of(application)
    found = look(application)
    assert isinstance(found, Difference)
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, 0, 1, 9)
    assert _print_of(application) == before

    bigquery_client.query(
        f"DELETE FROM `{settings.input_table('predictions_table')}` WHERE player_lookup > 'player0004'", timeout=30
    ).result(timeout=30)
    found = look(application)
    assert isinstance(found, Difference)
    assert found.removed == 5
    assert (look.status, look.checks["size"]) == (Status.SHRUNK, "fail")
    look(application, allow_shrink=True)
    assert (look.status, look.checks["size"]) == (Status.SUCCESS, "warn")
    bigquery_client.query(f"DELETE FROM `{settings.input_table('box_scores_table')}` WHERE TRUE", timeout=30).result(30)
    assert look(application) is None
    assert (look.status, look.checks["rows"]) == (Status.NO_ACTUALS, "fail")
    assert _print_of(application) == before


def test_a_run_that_is_there_once_has_no_difference() -> None:
    record = RunRecord(
        run_id="a", event_id=None, processor=GRADING.name, game_date=DAY, trigger_source="x", fence_token=1,
        lock_wait_ms=0, locked=True, rows_deleted=0, rows_inserted=1, duplicate_keys=0, started_at=None,
        committed_at=datetime.now(UTC), status="success", detail=None,
    )  # fmt: skip
    with pytest.raises(InvalidSettings, match="1 publish of this date is recorded, and a difference needs two"):
        choose([record], None, None)
