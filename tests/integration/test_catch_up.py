"""Catch-up: neither an outage nor late box scores leave a date behind, and a second run does nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from google.cloud import bigquery

from foundation.clock import Clock, Deadline
from foundation.errors import DeadlineExceeded
from grading.catch_up_window import recent
from grading.dates.survey import aggregate_due, grading_due, read_dates, read_ledger
from grading.outcome import Status
from grading.processors import AGGREGATES, GRADING, PERFORMANCE_SUMMARY, PROCESSORS, SYSTEM_DAILY_PERFORMANCE
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from localdev.load import load_rows
from localdev.slate import BOX_SCORES, PREDICTIONS
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.events import WallClock, pubsub_event
from tests.integration.slate import box_scores, load_day, predictions

TODAY = datetime(2024, 1, 20, 15, 0, tzinfo=UTC)
DAYS = [date(2024, 1, day) for day in range(13, 20)]
CATCH_UP = {"task": "catch_up", "days": 7}


@pytest.fixture
def clock() -> Clock:
    """A day of January 2024."""
    return WallClock(TODAY)


def _catch_up(application: Application) -> None:
    application.handler.handle(pubsub_event(CATCH_UP, application.clock.now()))


def _behind(application: Application) -> list[str]:
    """What is due in the last seven days."""
    settings, jobs = application.settings, application.jobs("test", 60)
    ledger = read_ledger(settings, jobs, DAYS[0], DAYS[-1])
    states = read_dates(settings, jobs, DAYS[0], DAYS[-1])
    due = [*grading_due(states, ledger), *(work for p in AGGREGATES for work in aggregate_due(p, states, ledger))]
    return [f"{work.processor.name} {work.date}: {work.reason}" for work in due]


def _published(application: Application) -> dict[str, set[date]]:
    runs = application.settings.target("grading_runs")
    rows = rows_of(application.bigquery_client, f"SELECT processor, game_date FROM `{runs}` WHERE status = 'success'")
    found: dict[str, set[date]] = {}
    for row in rows:
        found.setdefault(str(row["processor"]), set()).add(row["game_date"])  # type: ignore[arg-type]
    return found


def _run_finished(sink: RecordingSink) -> list[str]:
    return [f"{event.fields['processor']} {event.fields['date']}" for event in sink.named("run_finished")]


def test_an_outage_longer_than_an_events_age_leaves_no_date_behind(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, notifier: RecordingNotifier
) -> None:
    """The events of three days come too late and are given up, with an alert; catch-up grades their dates."""
    lost = DAYS[2:5]
    for day in lost:
        load_day(bigquery_client, application.settings, day, players=6)
        event = pubsub_event({"target_date": day.isoformat()}, TODAY - timedelta(hours=7))
        application.handler.handle(event)
    assert notifier.checks() == ["event_too_old"] * 3
    assert _published(application) == {}

    _catch_up(application)

    assert _published(application) == {processor.name: set(lost) for processor in PROCESSORS}
    assert _behind(application) == []


def test_a_second_run_does_nothing(
    application: Application,
    bigquery_client: bigquery.Client,
    sink: RecordingSink,
    statements: list[tuple[str, str]],
) -> None:
    """It reads what there is, in two jobs, and that is all."""
    for day in DAYS[1:3]:
        load_day(bigquery_client, application.settings, day, players=6)
    _catch_up(application)
    sink.events.clear()
    statements.clear()

    _catch_up(application)

    assert _run_finished(sink) == []
    assert [job_id.split("-")[-2] for job_id, _ in statements] == ["ledger", "dates"]
    assert sink.named("catch_up_finished")[0].fields["published"] == 0


def test_box_scores_that_come_two_days_late_are_graded(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """Half of them are missing at the scheduled run, and all of another date's."""
    settings, partly, wholly = application.settings, DAYS[3], DAYS[4]
    load_rows(bigquery_client, settings, PREDICTIONS, predictions(partly, 8) + predictions(wholly, 8))
    load_rows(bigquery_client, settings, BOX_SCORES, box_scores(partly, 4))
    for day in (partly, wholly):
        application.handler.handle(pubsub_event({"target_date": day.isoformat()}, TODAY))
    statuses = {event.fields["date"]: event.fields["status"] for event in sink.named("run_finished")[::-1]}
    assert statuses == {partly.isoformat(): "partial", wholly.isoformat(): "no_actuals"}
    _catch_up(application)
    assert sink.named("catch_up_finished")[0].fields["waiting"] == [wholly.isoformat()]
    assert _behind(application) == []

    load_rows(bigquery_client, settings, BOX_SCORES, [*box_scores(partly, 8)[4:], *box_scores(wholly, 8)])
    sink.events.clear()
    _catch_up(application)

    assert sorted(_run_finished(sink)) == sorted(f"{p.name} {day}" for p in PROCESSORS for day in (partly, wholly))
    for day in (partly, wholly):
        target = settings.target(GRADING.name)
        found = rows_of(bigquery_client, f"SELECT COUNT(*) AS n FROM `{target}` WHERE game_date = DATE '{day}'")
        assert found == [{"n": 8}]
    sink.events.clear()
    _catch_up(application)
    assert _run_finished(sink) == []


def test_a_corrected_box_score_is_graded_again(application: Application, bigquery_client: bigquery.Client) -> None:
    """Grades are compared with the box scores by content, so a reload of the same rows is no reason."""
    day = DAYS[2]
    load_day(bigquery_client, application.settings, day, players=4)
    _catch_up(application)
    box = application.settings.input_table("box_scores_table")
    where = f"WHERE game_date = DATE '{day}' AND player_lookup = 'player0001'"
    rows_of(bigquery_client, f"UPDATE `{box}` SET minutes_played = minutes_played {where}")
    assert _behind(application) == []
    rows_of(bigquery_client, f"UPDATE `{box}` SET points = points + 3 {where}")
    assert _behind(application) == [f"prediction_accuracy {day}: 1 grades are of older box scores"]

    _catch_up(application)

    assert _behind(application) == []


def test_aggregates_that_are_older_than_their_grades_are_computed_anew(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """The grades of one date are repaired by hand: its own aggregates follow, and the summaries of later dates."""
    days = DAYS[2:5]
    for day in days:
        load_day(bigquery_client, application.settings, day, players=4)
    _catch_up(application)
    application.service.run(GRADING, Request(date=days[1]), Deadline.after(60, application.clock))
    sink.events.clear()

    _catch_up(application)

    assert sorted(_run_finished(sink)) == sorted(
        [
            f"{SYSTEM_DAILY_PERFORMANCE.name} {days[1]}",
            f"{PERFORMANCE_SUMMARY.name} {days[1]}",
            f"{PERFORMANCE_SUMMARY.name} {days[2]}",
        ]
    )


def test_what_the_schedule_published_meanwhile_is_not_done_again(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """Catch-up asks for data no older than what it read; newer data satisfies it."""
    day = DAYS[2]
    load_day(bigquery_client, application.settings, day, players=4)
    others: list[str] = []

    def grade_first(_work: object) -> None:
        if not others:
            request = Request(date=day, trigger_source="schedule")
            outcomes = application.service.grade(request, PROCESSORS, Deadline.after(60, application.clock))
            others.extend(outcome.run_id for outcome in outcomes)

    report = replace(application.catch_up, on_work=grade_first).run(7, Deadline.after(290, application.clock))

    assert [outcome.status for outcome in report.outcomes] == [Status.SUPERSEDED]
    assert len(others) == 3


def test_what_does_not_fit_is_left_for_the_redelivery(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """With no more time than a write needs, nothing is begun: the event comes again, and names what is left."""
    day = DAYS[2]
    load_day(bigquery_client, application.settings, day, players=4)
    tight = replace(application.service, settings=replace(application.settings, write_reserve_seconds=280.0))

    with pytest.raises(DeadlineExceeded, match=f"prediction_accuracy {day}; the redelivery goes on"):
        replace(application.catch_up, service=tight).task(7, Deadline.after(250, application.clock))

    assert sink.named("catch_up_finished")[0].fields["left"] == [f"prediction_accuracy {day}"]
    _catch_up(application)
    assert _behind(application) == []


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2024-01-20T15:00:00+00:00", date(2024, 1, 19)),  # ten in the morning in New York
        ("2024-01-20T09:00:00+00:00", date(2024, 1, 18)),  # four: the games of the 19th may not be in yet
        ("2024-01-20T03:00:00+00:00", date(2024, 1, 18)),  # still the 19th there
    ],
)
def test_a_date_is_left_to_its_scheduled_run_until_it_is_over(settings: Settings, now: str, last: date) -> None:
    """A date counts as recent from six hours into the next one, in the configured time zone."""
    assert recent(7, datetime.fromisoformat(now), settings.local_date) == (last - timedelta(days=6), last)
