"""Aggregates follow the grades of their own event, and each processor fails on its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import Transient, WarehouseUnavailable
from grading.outcome import Status
from grading.processors import AGGREGATES, GRADING, PERFORMANCE_SUMMARY, SYSTEM_DAILY_PERFORMANCE
from grading.run import Request
from grading.wiring import Application
from localdev.load import load_rows
from localdev.slate import BOX_SCORES, PREDICTIONS
from tests.integration.conftest import DAY, RecordingNotifier, RecordingSink, rows_of
from tests.integration.events import pubsub_event
from tests.integration.slate import box_scores, load_day, predictions
from warehouse.job_end import JobResult
from warehouse.statements import Sql


def _deadline(application: Application) -> Deadline:
    return Deadline.after(90, application.clock)


def test_grades_published_just_now_are_summed_up_whatever_summed_up_older_ones(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """An aggregate of old grades, newer than the event, does not satisfy the event once it has graded anew."""
    load_rows(bigquery_client, application.settings, PREDICTIONS, predictions(DAY, 8))
    load_rows(bigquery_client, application.settings, BOX_SCORES, box_scores(DAY, 4))
    service = application.service
    service.grade(Request(date=DAY), (GRADING,), _deadline(application))
    event_ms = int(datetime.now(UTC).timestamp() * 1000)
    load_rows(bigquery_client, application.settings, BOX_SCORES, box_scores(DAY, 8)[4:])
    service.grade(Request(date=DAY), AGGREGATES, _deadline(application))  # somebody else's, after the event

    request = Request(date=DAY, published_ms=event_ms)
    outcomes = service.grade(request, (GRADING, *AGGREGATES), _deadline(application))

    assert [outcome.status for outcome in outcomes] == [Status.SUCCESS] * 3
    target = application.settings.target(SYSTEM_DAILY_PERFORMANCE.name)
    sql = f"SELECT SUM(predictions_count) AS n FROM `{target}` WHERE game_date = DATE '{DAY}'"
    assert rows_of(bigquery_client, sql) == [{"n": 8}]


def test_without_aggregation_only_the_grades_are_written(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """`"run_aggregation": false` in the message."""
    load_day(bigquery_client, application.settings, DAY, players=4)
    message = {"target_date": DAY.isoformat(), "run_aggregation": False}
    application.handler.handle(pubsub_event(message, datetime.now(UTC)))
    assert [event.fields["processor"] for event in sink.named("run_finished")] == [GRADING.name]


def test_a_processor_that_fails_neither_undoes_nor_hides_the_others(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    """The daily aggregate has lost its fence: it is alerted, the other two are published."""
    load_day(bigquery_client, application.settings, DAY, players=4)
    fence = application.settings.target(f"{SYSTEM_DAILY_PERFORMANCE.name}_fence")
    rows_of(bigquery_client, f"DELETE FROM `{fence}` WHERE TRUE")

    application.handler.handle(pubsub_event({"target_date": DAY.isoformat()}, datetime.now(UTC)))

    statuses = {event.fields["processor"]: event.fields["status"] for event in sink.named("run_finished")}
    assert statuses == {
        GRADING.name: "success",
        SYSTEM_DAILY_PERFORMANCE.name: "failed",
        PERFORMANCE_SUMMARY.name: "success",
    }
    assert [(alert.check, alert.processor) for alert in notifier.alerts] == [
        ("processor_failed", SYSTEM_DAILY_PERFORMANCE.name)
    ]


def test_an_event_of_which_one_processor_failed_in_passing_is_delivered_again(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the redelivery does only what is left."""
    load_day(bigquery_client, application.settings, DAY, players=4)
    event = pubsub_event({"target_date": DAY.isoformat()}, datetime.now(UTC))
    warehouse = application.warehouse
    fence = str(application.settings.target(f"{PERFORMANCE_SUMMARY.name}_fence"))
    real, unanswered = warehouse.run, ["once"]

    def run(sql: Sql, *, job_id: str, deadline: Deadline) -> JobResult:
        if fence in sql.text and "BEGIN TRANSACTION" in sql.text and unanswered:
            unanswered.pop()
            raise WarehouseUnavailable("BigQuery did not answer")
        return real(sql, job_id=job_id, deadline=deadline)

    monkeypatch.setattr(warehouse, "run", run)
    with pytest.raises(Transient, match=f"{PERFORMANCE_SUMMARY.name} {DAY}"):
        application.handler.handle(event)
    sink.events.clear()
    application.handler.handle(event)

    statuses = {event.fields["processor"]: event.fields["status"] for event in sink.named("run_finished")}
    assert statuses == {
        GRADING.name: "superseded",
        SYSTEM_DAILY_PERFORMANCE.name: "superseded",
        PERFORMANCE_SUMMARY.name: "success",
    }
