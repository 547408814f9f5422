"""A backfill beside the schedule, killed and resumed, interrupted, and told of in one message."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.outcome import Status
from grading.processors import PROCESSORS
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.load import create_input_tables
from localdev.processes import wait_until
from localdev.settings import local_settings
from localdev.slack_sink import SlackSink, plain_text
from tests.integration.conftest import rows_of
from tests.integration.service_process import start
from tests.integration.slate import box_scores, load, predictions
from tests.length import LONG

FIRST = date(2024, 1, 1)
PLAYERS = 6
# The real thing is 30 dates beside 10 events, as `make test-long` has it; the short form is part of every run.
DATES, EVENTS = (30, 10) if LONG else (8, 4)
_OF_THE_RUN = {"graded_at", "computed_at", "run_id", "fence_token"}
_PROCESS_SECONDS = 280


def _days(count: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(count)]


def _prepare(client: bigquery.Client, settings: Settings, days: Sequence[date]) -> None:
    """All tables, and a small slate for each day."""
    create_input_tables(client, settings)
    application = Application(settings, sinks=())
    create_tables(settings, application.jobs("init", 60))
    application.bigquery_client.close()
    load(
        client,
        settings,
        [row for day in days for row in predictions(day, PLAYERS, predicted=5.0 + day.day)],
        [row for day in days for row in box_scores(day, PLAYERS)],
    )


def _rows(client: bigquery.Client, settings: Settings, table: str, partition_column: str) -> list[dict[str, Any]]:
    path = settings.target(table)
    return rows_of(client, f"SELECT * FROM `{path}` WHERE {partition_column} >= DATE '2000-01-01'")


def _checksum(client: bigquery.Client, settings: Settings) -> str:
    """Of every row of the three tables, without what differs from run to run."""
    digest = hashlib.sha256()
    for processor in PROCESSORS:
        rows = [
            repr(sorted((name, str(value)) for name, value in row.items() if name not in _OF_THE_RUN))
            for row in _rows(client, settings, processor.name, processor.partition_column)
        ]
        digest.update("\n".join([processor.name, *sorted(rows)]).encode())
    return digest.hexdigest()


def _runs(client: bigquery.Client, settings: Settings) -> list[dict[str, Any]]:
    return _rows(client, settings, "grading_runs", "game_date")


def _end(process: subprocess.Popen[str]) -> str:
    """Wait for a process, and return what it said."""
    said, _ = process.communicate(timeout=_PROCESS_SECONDS)
    return said


def _backfill(settings: Settings, days: Sequence[date], *options: str, **given: Any) -> subprocess.Popen[str]:
    return start(settings, "backfill", "--start", f"{days[0]}", "--end", f"{days[-1]}", *options, **given)


@pytest.fixture(scope="module")
def serial_checksum(bigquery_emulator: BigQueryEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the dates are when they are graded one after another, by nobody else."""
    settings = local_settings(
        bigquery_endpoint=bigquery_emulator.endpoint,
        dataset_suffix=f"_{uuid.uuid4().hex[:10]}",
        lock_store="sqlite",
        lock_sqlite_path=str(tmp_path_factory.mktemp("serial") / "locks.sqlite3"),
    )
    with bigquery_emulator.client() as client:
        _prepare(client, settings, _days(DATES))
        application = Application(settings, sinks=())
        for day in _days(DATES):
            outcomes = application.service.grade(Request(date=day), PROCESSORS, Deadline.after(120, application.clock))
            assert {outcome.status for outcome in outcomes} == {Status.SUCCESS}
        application.bigquery_client.close()
        yield _checksum(client, settings)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("lock_store", "aborted_publishes"),
    [pytest.param("firestore", False, marks=pytest.mark.firestore), ("sqlite", True)],
    ids=["firestore locks", "sqlite locks, a third of the publishes aborted"],
)
def test_dates_beside_scheduled_events_are_exactly_right(
    lock_store: str,
    aborted_publishes: bool,
    settings: Settings,
    bigquery_client: bigquery.Client,
    serial_checksum: str,
    request: pytest.FixtureRequest,
) -> None:
    """The accident that this project answers, as routine: the same rows as a serial run, no duplicate, no failure."""
    given: dict[str, Any] = {"aborted_publishes": aborted_publishes}
    if lock_store == "firestore":
        given["firestore_host"] = request.getfixturevalue("firestore_emulator").host
        settings = replace(settings, lock_store="firestore")
    days = _days(DATES)
    _prepare(bigquery_client, settings, days)
    scheduled = [day.isoformat() for day in days[1::2]][:EVENTS]

    backfill = _backfill(settings, days, "--concurrency", "4", **given)
    events = [
        start(settings, "event", *share, **given) for share in (scheduled[: EVENTS // 2], scheduled[EVENTS // 2 :])
    ]
    said = [_end(process) for process in (backfill, *events)]

    assert [process.returncode for process in (backfill, *events)] == [0, 0, 0], "\n".join(said)
    assert _checksum(bigquery_client, settings) == serial_checksum
    runs = _runs(bigquery_client, settings)
    assert "success" in {run["status"] for run in runs} <= {"success", "superseded"}
    assert {run["duplicate_keys"] for run in runs} == {0}
    by_backfill = Counter(run["processor"] for run in runs if run["trigger_source"].startswith("backfill:"))
    assert by_backfill == {processor.name: DATES for processor in PROCESSORS}
    for processor in PROCESSORS:
        rows = _rows(bigquery_client, settings, processor.name, processor.partition_column)
        columns = (*processor.business_key, processor.partition_column)
        assert len(rows) == len({tuple(str(row[name]) for name in columns) for row in rows})


def test_killed_and_resumed_it_does_only_what_is_left(settings: Settings, bigquery_client: bigquery.Client) -> None:
    """SIGKILL in the middle of the grading phase; what was recorded by then is not run again."""
    settings = replace(settings, lock_lease_seconds=6.0)  # how long a dead holder's lock is waited for
    days = _days(8)
    _prepare(bigquery_client, settings, days)
    first = _backfill(settings, days, "--concurrency", "2")
    assert wait_until(lambda: len(_runs(bigquery_client, settings)) >= 3, timeout_seconds=_PROCESS_SECONDS)
    first.kill()
    _end(first)
    done = {(run["processor"], run["game_date"]): run["run_id"] for run in _runs(bigquery_client, settings)}
    assert 3 <= len(done) < 24

    second = _backfill(settings, days, "--concurrency", "2", "--resume")
    said = _end(second)

    assert second.returncode == 0, said
    runs = _runs(bigquery_client, settings)
    assert len({run["trigger_source"] for run in runs}) == 1
    assert {(run["processor"], run["game_date"]) for run in runs} == {(p.name, day) for p in PROCESSORS for day in days}
    for key, run_id in done.items():
        assert [run["run_id"] for run in runs if (run["processor"], run["game_date"]) == key] == [run_id]
    third = _backfill(settings, days, "--resume")
    assert "24 runs were finished before; 0 are left.\nNothing to do: all is done." in _end(third)
    assert len(_runs(bigquery_client, settings)) == len(runs)


def test_ctrl_c_finishes_the_dates_in_flight_and_says_how_to_resume(
    settings: Settings, bigquery_client: bigquery.Client, slack_sink: SlackSink
) -> None:
    """Exit code 1, one message to Slack, and a command that can be pasted."""
    days = _days(8)
    _prepare(bigquery_client, settings, days)
    told = _told_by_slack(settings, slack_sink)
    first = _backfill(told, days, "--concurrency", "2")
    assert wait_until(lambda: len(_runs(bigquery_client, settings)) >= 2, timeout_seconds=_PROCESS_SECONDS)
    first.send_signal(signal.SIGINT)
    said = _end(first)

    assert first.returncode == 1, said
    command = f"python -m grading backfill --start {days[0]} --end {days[-1]} --concurrency 2 --resume"
    assert "Finishing the dates in flight" in said
    assert said.count(command) == 3  # at the start, at the Ctrl-C, at the end
    assert len(slack_sink.delivered) == 1
    assert command in plain_text(slack_sink.delivered[0])
    finished = len(_runs(bigquery_client, settings))
    assert {run["status"] for run in _runs(bigquery_client, settings)} == {"success"}

    second = start(told, *command.split()[3:])
    said = _end(second)
    assert second.returncode == 0, said
    assert f"{finished} runs were finished before; {24 - finished} are left." in said


def test_one_slack_message_for_a_backfill_in_which_dates_fail(
    settings: Settings, bigquery_client: bigquery.Client, slack_sink: SlackSink
) -> None:
    """A date without box scores, and a table that lost its fence: exit 1, the failed dates named, no alert for each."""
    days = _days(3)
    _prepare(bigquery_client, settings, days[:2])
    load(bigquery_client, settings, predictions(days[2], PLAYERS), [])
    fence = settings.target("system_daily_performance_fence")
    rows_of(bigquery_client, f"DELETE FROM `{fence}` WHERE TRUE")

    process = _backfill(_told_by_slack(settings, slack_sink), days)
    said = _end(process)

    assert process.returncode == 1, said
    assert len(slack_sink.delivered) == 1
    text = plain_text(slack_sink.delivered[0])
    assert "2 dates failed" in text
    assert all(day.isoformat() in text for day in days[:2])
    assert "no_actuals" in said


def test_dry_run_shows_dates_and_rows_and_changes_nothing(settings: Settings, bigquery_client: bigquery.Client) -> None:
    """Of each date the rows to grade; the emulator counts no bytes."""
    days = _days(3)
    _prepare(bigquery_client, settings, days)
    process = _backfill(settings, days, "--dry-run")
    said = _end(process)
    assert process.returncode == 0, said
    assert all(day.isoformat() in said for day in days)
    assert f"3 dates, 9 runs, {3 * PLAYERS} rows to grade, 0 bytes to scan" in said
    assert _runs(bigquery_client, settings) == []


def _told_by_slack(settings: Settings, slack_sink: SlackSink) -> Settings:
    return replace(settings, slack_webhook_url=slack_sink.url)
