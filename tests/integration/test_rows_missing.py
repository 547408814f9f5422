"""Rows that are gone after the commit: reported, recorded, acknowledged, and healed by catch-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.dates.survey import Ledger, aggregate_due, grading_due, read_dates, read_ledger
from grading.outcome import Outcome, Status
from grading.processors import AGGREGATES, GRADING, SYSTEM_DAILY_PERFORMANCE, Processor
from grading.run import Request
from grading.wiring import Application
from tests.integration.conftest import DAY, RecordingNotifier, RecordingSink, rows_of
from tests.integration.events import pubsub_event
from tests.integration.slate import load_day


def grade(application: Application, processor: Processor = GRADING) -> Outcome:
    return application.service.run(processor, Request(date=DAY), Deadline.after(60, application.clock))


def before_validation(application: Application, act: Callable[[], object], times: int = 1) -> None:
    """Act right before the check after a write is sent."""
    warehouse, seen = application.warehouse, application.warehouse._observe
    left = [times]

    def observe(job_id: str, sql: str) -> None:
        if "-validate-" in job_id and left[0]:
            left[0] -= 1
            act()
        seen(job_id, sql)

    warehouse._observe = observe


def delete(application: Application, processor: Processor = GRADING, which: str = "TRUE") -> Callable[[], None]:
    """What someone does who knows no fence."""
    target = application.settings.target(processor.name)
    column = processor.partition_column

    def act() -> None:
        rows_of(application.bigquery_client, f"DELETE FROM `{target}` WHERE {column} = DATE '{DAY}' AND {which}")

    return act


def recorded(application: Application) -> list[str]:
    runs = application.settings.target("grading_runs")
    found = rows_of(application.bigquery_client, f"SELECT status, run_id FROM `{runs}` ORDER BY started_at")
    return [str(row["status"]) for row in found]


@pytest.fixture
def slate(application: Application, bigquery_client: bigquery.Client) -> Application:
    load_day(bigquery_client, application.settings, DAY, 10)
    return application


@pytest.mark.parametrize("which", ["TRUE", "ENDS_WITH(player_lookup, '1')"])
def test_rows_deleted_after_the_commit_are_no_success(
    slate: Application, sink: RecordingSink, notifier: RecordingNotifier, which: str
) -> None:
    before_validation(slate, delete(slate, which=which))
    outcome = grade(slate)
    assert outcome.status is Status.ROWS_MISSING
    [event] = sink.named("rows_missing")
    assert (event.severity, event.fields["rows_published"]) == ("CRITICAL", 10)
    assert [(a.check, a.severity) for a in notifier.alerts] == [("rows_missing", "CRITICAL")]
    assert recorded(slate) == ["success", "rows_missing"]


def test_rows_that_someone_else_replaced_are_nothing_wrong(
    slate: Application, sink: RecordingSink, notifier: RecordingNotifier
) -> None:
    """The fence names another run: fewer rows are there because fewer were published."""
    fence = slate.settings.target("prediction_accuracy_fence")

    def replace() -> None:
        delete(slate, which="ENDS_WITH(player_lookup, '1')")()
        rows_of(slate.bigquery_client, f"UPDATE `{fence}` SET run_id = 'other' WHERE lock_key = '{DAY}'")

    before_validation(slate, replace)
    assert grade(slate).status is Status.SUCCESS
    assert sink.named("rows_missing") == []
    assert notifier.alerts == []


def test_the_event_is_acknowledged_and_its_redelivery_grades_again(slate: Application, sink: RecordingSink) -> None:
    """The fence alone would say that the event is satisfied."""
    event = pubsub_event({"target_date": DAY.isoformat(), "run_aggregation": False}, datetime.now(UTC))
    before_validation(slate, delete(slate))
    slate.handler.handle(event)
    slate.handler.handle(event)
    slate.handler.handle(event)
    ended = [one.fields["status"] for one in sink.named("run_finished")]
    assert ended == ["rows_missing", "success", "superseded"]


def test_catch_up_heals_what_is_missing(slate: Application) -> None:
    for processor in (GRADING, SYSTEM_DAILY_PERFORMANCE):
        assert grade(slate, processor).status is Status.SUCCESS
    before_validation(slate, delete(slate, SYSTEM_DAILY_PERFORMANCE))
    assert grade(slate, SYSTEM_DAILY_PERFORMANCE).status is Status.ROWS_MISSING
    states, ledger = survey(slate)
    assert [work.reason for work in aggregate_due(SYSTEM_DAILY_PERFORMANCE, states, ledger)] == ["rows are missing"]
    delete(slate)()
    states, ledger = survey(slate)
    assert [work.date for work in grading_due(states, ledger)] == [DAY]


def test_an_aggregate_follows_grades_that_were_committed_late(slate: Application) -> None:
    """An older token, put into the fence after the aggregate was staged, by a transaction that began before."""
    for processor in (GRADING, *AGGREGATES):
        assert grade(slate, processor).status is Status.SUCCESS
    states, ledger = survey(slate)
    assert [work for p in AGGREGATES for work in aggregate_due(p, states, ledger)] == []
    fence = slate.settings.target("prediction_accuracy_fence")
    late = f"UPDATE `{fence}` SET token = token - 5000, run_id = 'late' WHERE lock_key = '{DAY}'"
    rows_of(slate.bigquery_client, late)
    states, ledger = survey(slate)
    due = [work for processor in AGGREGATES for work in aggregate_due(processor, states, ledger)]
    assert [(work.processor, work.date) for work in due] == [(processor, DAY) for processor in AGGREGATES]


def survey(application: Application) -> tuple[list[object], Ledger]:
    jobs = application.jobs("survey", 60)
    ledger = read_ledger(application.settings, jobs, DAY, DAY)
    return read_dates(application.settings, jobs, DAY, DAY), ledger  # type: ignore[return-value]
