"""What a date costs in BigQuery jobs, counted at the warehouse."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from google.cloud import bigquery

from grading.processors import PROCESSORS
from grading.wiring import Application
from tests.integration.conftest import DAY, RecordingSink, rows_of
from tests.integration.events import pubsub_event
from tests.integration.slate import load_day

MOST_JOBS = 13


def _event() -> dict[str, object]:
    return pubsub_event({"target_date": DAY.isoformat()}, datetime.now(UTC))


def test_a_date_with_all_three_processors_and_their_checks_takes_at_most_13_jobs(
    application: Application,
    bigquery_client: bigquery.Client,
    sink: RecordingSink,
    statements: list[tuple[str, str]],
) -> None:
    """A first and a second event for a date: fence, and for each table stage, measure, publish, validate."""
    load_day(bigquery_client, application.settings, DAY, players=20)
    for _ in range(2):
        statements.clear()
        sink.events.clear()
        application.handler.handle(_event())
        assert [event.fields["status"] for event in sink.named("run_finished")] == ["success"] * len(PROCESSORS)
        assert len(sink.named("validation_passed")) == len(PROCESSORS)
        steps = Counter(job_id.rsplit("-", 2)[1] for job_id, _ in statements)
        assert steps == {"fence": 1, "stage": 3, "measure": 3, "publish": 3, "validate": 3}
        assert steps.total() <= MOST_JOBS


def test_a_redelivered_event_changes_nothing(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, statements: list[tuple[str, str]]
) -> None:
    """It finds that what is published is as new as it asks for and is its own, and ends as superseded, unrecorded."""
    load_day(bigquery_client, application.settings, DAY, players=20)
    event = _event()
    application.handler.handle(event)
    statements.clear()
    sink.events.clear()

    application.handler.handle(event)

    assert [event.fields["status"] for event in sink.named("run_finished")] == ["superseded"] * len(PROCESSORS)
    assert [job_id.rsplit("-", 2)[1] for job_id, _ in statements] == ["fence", "repeat"] * len(PROCESSORS)
    runs = application.settings.target("grading_runs")
    assert not rows_of(bigquery_client, f"SELECT 1 FROM `{runs}` WHERE status = 'superseded'")


def test_an_event_that_another_one_satisfied_is_recorded(
    application: Application, bigquery_client: bigquery.Client, statements: list[tuple[str, str]]
) -> None:
    """By the same two jobs; it says whose data was there."""
    load_day(bigquery_client, application.settings, DAY, players=20)
    earlier = pubsub_event({"target_date": DAY.isoformat(), "run_aggregation": False}, datetime.now(UTC), "earlier")
    application.handler.handle(pubsub_event({"target_date": DAY.isoformat()}, datetime.now(UTC), "later"))
    statements.clear()

    application.handler.handle(earlier)

    assert [job_id.rsplit("-", 2)[1] for job_id, _ in statements] == ["fence", "repeat"]
    runs = application.settings.target("grading_runs")
    sql = f"SELECT event_id, run_id, status, found_run_id FROM `{runs}` WHERE processor = 'prediction_accuracy'"
    found = {row["event_id"]: row for row in rows_of(bigquery_client, sql)}
    assert found["earlier"]["status"] == "superseded"
    assert found["earlier"]["found_run_id"] == found["later"]["run_id"]
