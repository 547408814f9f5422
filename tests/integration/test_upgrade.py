"""The tables of version 0.2.0 under this code: `init` adds the columns, runs fill them, and its readers go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from grading.cli import commands
from grading.processors import PROCESSORS
from grading.run import SENTINEL, fence_of
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.declared import declared
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.damaged import NOON, TODAY, at_terminal, execute
from tests.integration.existing import create_statement
from tests.integration.slate import load_day

RELEASED: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("released_tables.json").read_text(encoding="utf-8")
)
OLD_DAY, DAY = TODAY - timedelta(days=2), TODAY - timedelta(days=1)

# A run that nothing happened to leaves these NULL: they tell of an event, a wait, a takeover, an earlier run.
_AT_TIMES = {
    "event_id", "waited_for", "taken_over_from", "found_run_id", "found_token", "covers", "code_version", "detail",
}  # fmt: skip


@pytest.mark.parametrize("name", RELEASED)
def test_columns_that_came_later_are_nullable_and_last(name: str) -> None:
    """`SELECT *` and `INSERT … VALUES` of the release before meet their columns in their order."""
    before = [column for column, _, _ in RELEASED[name]["columns"]]
    now = declared(name).columns
    assert [column.name for column in now[: len(before)]] == before
    assert not [column.name for column in now[len(before) :] if column.required]


@pytest.fixture
def released(input_tables: Settings, bigquery_client: bigquery.Client) -> Settings:
    """The tables of the release, with a date that it has graded."""
    settings = input_tables
    for dataset in {settings.target("x").dataset, settings.staging("x").dataset}:
        bigquery_client.create_dataset(
            bigquery.DatasetReference(settings.google_cloud_project, dataset), exists_ok=True, timeout=30, retry=None
        )
    for name, table in RELEASED.items():
        targets = [settings.target(name)]
        if name == "fence":
            targets = [fence_of(settings.target(processor.name)) for processor in PROCESSORS]
        for path in targets:
            execute(bigquery_client, create_statement(path, table))
            if name == "fence":
                execute(bigquery_client, f"INSERT INTO `{path}` (lock_key, token) VALUES ('{SENTINEL}', 0)")
    execute(
        bigquery_client,
        f"""INSERT INTO `{settings.target("prediction_accuracy")}` (player_lookup, game_id, game_date, system_id,
        line_value, predicted_points, actual_points, graded_at, run_id, fence_token) VALUES ('a', 'g',
        DATE '{OLD_DAY}', 'ensemble_v1', 9.5, 10, 12, TIMESTAMP '{OLD_DAY} 20:00:00+00:00', 'old-run', 1)""",
    )
    execute(bigquery_client, old_record(settings, "old-run"))
    return settings


def old_record(settings: Settings, run_id: str) -> str:
    """A run, as version 0.2.0 records it."""
    return f"""INSERT INTO `{settings.target("grading_runs")}` (
      run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
      rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail)
    VALUES ('{run_id}', NULL, 'prediction_accuracy', DATE '{OLD_DAY}', 'schedule', 1, 0, TRUE, 0, 1, 0,
      TIMESTAMP '{OLD_DAY} 19:00:00+00:00', TIMESTAMP '{OLD_DAY} 20:00:00+00:00', 'success', NULL)"""


@pytest.fixture
def application(
    released: Settings, sink: RecordingSink, notifier: RecordingNotifier, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Application]:
    application = Application(released, clock=NOON, sinks=(sink,), notifier=notifier)
    at_terminal(monkeypatch, "", application)
    yield application
    application.bigquery_client.close()


def do(line: str) -> str:
    done = CliRunner().invoke(commands, line.split())
    assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
    return done.output


def test_init_adds_the_columns_and_runs_fill_them(application: Application, bigquery_client: bigquery.Client) -> None:
    """No writer has to be stopped: those of the release name their columns."""
    settings = application.settings
    said = do("init")
    for name, table in RELEASED.items():
        later = {column.name for column in declared(name).columns} - {column for column, _, _ in table["columns"]}
        assert all(column in said for column in later), name
    assert "added to" not in do("init")

    load_day(bigquery_client, settings, DAY, 3)
    do(f"grade --date {DAY}")
    for name, where in (("prediction_accuracy", f"game_date = DATE '{DAY}'"), ("grading_runs", "run_id != 'old-run'")):
        rows = rows_of(bigquery_client, f"SELECT * FROM `{settings.target(name)}` WHERE {where}")
        old = {column for column, _, _ in RELEASED[name]["columns"]}
        later = {column.name for column in declared(name).columns} - old
        unfilled = {column for column in later if all(row[column] is None for row in rows)}
        assert unfilled <= _AT_TIMES, name

    # Its readers, and its writer of runs.
    for name, table in RELEASED.items():
        if name != "fence":
            names = ", ".join(column for column, _, _ in table["columns"])
            by = (table.get("partition_by") or "").removeprefix("DATE(").rstrip(")")
            execute(bigquery_client, f"SELECT {names} FROM `{settings.target(name)}` WHERE {by} IS NOT NULL")
    execute(bigquery_client, old_record(settings, "old-run-again"))
    listed = json.loads(do("status --format json"))
    runs = {run["run_id"]: run for run in listed["runs"]}
    assert runs["old-run"]["status"] == "success"
    assert datetime.fromisoformat(runs["old-run"]["started_at"]).astimezone(UTC).date() == OLD_DAY
