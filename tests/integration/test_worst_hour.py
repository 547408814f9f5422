"""A backfill that is killed with SIGKILL in its second phase: found, reported in Slack, resumed."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import replace
from datetime import timedelta

from google.cloud import bigquery

from foundation.clock import Deadline
from grading.processors import GRADING, PROCESSORS
from grading.settings import Settings
from grading.wiring import Application
from localdev.processes import wait_until
from localdev.slack_sink import SlackSink, plain_text
from tests.integration.conftest import DAY, rows_of
from tests.integration.service_process import start
from tests.integration.slate import load_day

_SECONDS = 120


def test_a_backfill_that_is_killed_in_its_second_phase_is_found_told_and_resumed(
    application: Application, bigquery_client: bigquery.Client, slack_sink: SlackSink
) -> None:
    """From the Slack message to the cure it takes the one command that the message names."""
    settings = replace(
        application.settings, slack_webhook_url=slack_sink.url, lock_lease_seconds=6.0, lock_max_wait_seconds=1.0
    )
    days = [DAY + timedelta(days=number) for number in range(6)]
    for day in days:
        load_day(bigquery_client, settings, day, players=4)
    runs = f"SELECT processor, run_id, status, trigger_source FROM `{settings.target('grading_runs')}`"
    dates = ("--start", f"{days[0]}", "--end", f"{days[-1]}")
    first = start(settings, "backfill", *dates, "--concurrency", "1")
    aggregates = f"{runs} WHERE processor != '{GRADING.name}'"
    assert wait_until(lambda: len(rows_of(bigquery_client, aggregates)) > 0, timeout_seconds=_SECONDS)
    first.kill()
    first.communicate(timeout=_SECONDS)
    done = rows_of(bigquery_client, runs)
    assert len(days) < len(done) < len(days) * len(PROCESSORS)

    listed = _answer(settings, "backfill", "--unfinished", "--format", "json")
    (found,) = json.loads(listed)["unfinished"]
    assert (found["done"], found["left"]) == (len(done), len(days) * len(PROCESSORS) - len(done))

    sweeper = Application(settings, sinks=())
    told = lambda: sweeper.upkeep.unfinished_backfills(Deadline.after(60, sweeper.clock))  # noqa: E731
    assert wait_until(lambda: bool(told()), timeout_seconds=_SECONDS, interval_seconds=1), "it is at work for ever"
    (message,) = slack_sink.delivered
    command = re.search(r"Next command:\n    python -m grading (.+)", plain_text(message))
    assert command
    assert "Check: backfill_unfinished" in plain_text(message)

    _answer(settings, *command[1].split())

    after = rows_of(bigquery_client, runs)
    assert len(after) == len(days) * len(PROCESSORS)
    assert {row["run_id"] for row in done} <= {row["run_id"] for row in after}
    assert len({row["trigger_source"] for row in after}) == 1
    assert "has anything left" in _answer(settings, "backfill", "--unfinished")
    assert any("Resolved: backfill_unfinished" in plain_text(message) for message in slack_sink.delivered)
    assert told() == []
    sweeper.bigquery_client.close()


def test_a_resume_says_for_whom_it_waits_and_for_how_long(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """Its own earlier process left a lock behind; host, process and the rest of the lease are named."""
    settings = replace(application.settings, lock_lease_seconds=4.0)
    load_day(bigquery_client, settings, DAY, players=4)
    dates = ("--start", f"{DAY}", "--end", f"{DAY}")
    trigger = f"backfill:{DAY}:{DAY}:20260101T000000Z"
    rows_of(
        bigquery_client,
        f"INSERT INTO `{settings.target('grading_runs')}` (run_id, processor, game_date, trigger_source, status,"
        f" started_at) VALUES ('r', '{GRADING.name}', '{DAY}', '{trigger}', 'failed', CURRENT_TIMESTAMP())",
    )
    dead = Application(settings, sinks=())
    lock = dead.lock(GRADING.lock_type)
    with lock.acquire(DAY, f"{GRADING.name}:{DAY}:{trigger}", 5) as lease:
        process = start(settings, "backfill", *dates, "--resume")
        assert process.stdout
        said = process.stdout.readline() + process.stdout.readline()
        assert lease.holder_id
    rest, _ = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, said + rest
    assert f"{DAY}: locked by the earlier process " in said
    assert f" on {platform.node()}" in said
    assert re.search(r"its lease ends within [\d.]+ s; the other dates go on meanwhile\.", said)


def _answer(settings: Settings, *words: str) -> str:
    process = start(settings, *words)
    said, _ = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, said
    return said
