"""Many dates written as one: as exact as one by one, and each of them safe by itself."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import (
    GuardRaised,
    LeaseLost,
    OutcomeUnknown,
    PublishConflict,
    StatementRefused,
    UnknownFailure,
)
from grading import locker
from grading.batch import Batch, Ended
from grading.dates.backfill import Backfill, BackfillResult, plan_backfill
from grading.hold import Hold
from grading.outcome import Outcome, Status
from grading.processors import GRADING, PROCESSORS, Processor
from grading.run import Request
from grading.wiring import Application
from grading.writing import publish
from grading.writing.staging import ComputedRows, Staged
from localdev.load import load_rows
from localdev.slate import INJURY_REPORT
from tests.fakes import RecordingNotifier, RecordingSink, Silent
from tests.integration.conftest import rows_of
from tests.integration.slate import GAME, box_scores, load, predictions
from tests.length import LONG
from tests.unit.faulty_store import FaultyStore
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult
from warehouse.jobs import Jobs

DAYS = [date(2024, 1, 15) + timedelta(days=number) for number in range(60 if LONG else 5)]
BAD = DAYS[len(DAYS) // 2]
PLAYERS = 4
_OF_THE_RUN = {"graded_at", "computed_at", "run_id", "fence_token"}


@pytest.fixture
def slates(application: Application, bigquery_client: bigquery.Client) -> Application:
    """Dates with the same players, games and lines: their business keys differ in the date alone."""
    load(
        bigquery_client,
        application.settings,
        [row for day in DAYS for row in predictions(day, PLAYERS, predicted=5.0 + day.day)],
        [row for day in DAYS for row in box_scores(day, PLAYERS)],
    )
    return application


def deadline(application: Application) -> Deadline:
    return Deadline.after(120, application.clock)


def run_all(
    application: Application, days: Sequence[date] = DAYS, processor: Processor = GRADING, **given: Any
) -> Ended[Outcome]:
    requests = [Request(date=day, trigger_source="test", one_of_many=True, **given) for day in days]
    return application.service.run_all(processor, requests, deadline(application))


def statuses(ended: Ended[Outcome]) -> dict[date, Status]:
    return {outcome.date: outcome.status for outcome in ended.outcomes}


def rows(application: Application, processor: Processor = GRADING) -> list[dict[str, Any]]:
    target = application.settings.target(processor.name)
    key = ", ".join(processor.key)
    where = f"{processor.partition_column} >= DATE '2000-01-01'"
    return rows_of(application.bigquery_client, f"SELECT * FROM `{target}` WHERE {where} ORDER BY {key}")


def contents(application: Application) -> list[list[str]]:
    """Every row of the three tables, without what differs from run to run."""
    return [
        [
            repr({name: value for name, value in row.items() if name not in _OF_THE_RUN})
            for row in rows(application, processor)
        ]
        for processor in PROCESSORS
    ]


def published(application: Application) -> list[dict[str, Any]]:
    runs = application.settings.target("grading_runs")
    return rows_of(application.bigquery_client, f"SELECT * FROM `{runs}` WHERE committed_at IS NOT NULL")


def backfill(application: Application, *names: Processor, **given: Any) -> BackfillResult:
    plan = plan_backfill(application.service, DAYS[0], DAYS[-1], names or PROCESSORS, deadline(application))
    return Backfill(service=application.service, plan=plan, concurrency=1, progress=Silent(), **given).run()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Staged], object]], None]:
    """Have something happen between the staging of a batch and its publish, once."""

    def plan(happen: Callable[[Staged], object]) -> None:
        real, todo = ComputedRows.stage, [happen]

        def stage(self: ComputedRows, batch: Batch) -> Staged:
            staged = real(self, batch)
            if todo:
                todo.pop()(staged)
            return staged

        monkeypatch.setattr(ComputedRows, "stage", stage)

    return plan


def test_dates_in_batches_are_as_dates_one_by_one(slates: Application, statements: list[tuple[str, str]]) -> None:
    """The same rows of all three tables, an audit row and a fence entry for each date, and a tenth of the jobs."""
    one_by_one = backfill(slates, batch_dates=1)
    apart, jobs_apart = contents(slates), len(statements)
    statements.clear()
    together = backfill(slates)
    assert contents(slates) == apart
    assert (
        [o.status for o in one_by_one.outcomes]
        == [o.status for o in together.outcomes]
        == [Status.SUCCESS] * len(PROCESSORS) * len(DAYS)
    )
    assert len(statements) * 4 < jobs_apart
    fence = slates.settings.target("prediction_accuracy_fence")
    entries = {
        row["lock_key"]: row["run_id"]
        for row in rows_of(slates.bigquery_client, f"SELECT * FROM `{fence}`")
        if row["lock_key"] != "__sentinel__"
    }
    grades = {row["game_date"].isoformat(): row["run_id"] for row in rows(slates)}
    assert entries == grades
    assert len(set(entries.values())) == len(DAYS)
    recorded = {run["run_id"]: run for run in published(slates)}
    for day, run_id in grades.items():
        run = recorded[run_id]
        assert (run["game_date"].isoformat(), run["rows_inserted"], run["rows_deleted"]) == (day, PLAYERS, PLAYERS)


def test_a_player_who_is_out_on_one_date_is_not_on_another(
    slates: Application, bigquery_client: bigquery.Client
) -> None:
    """The same player does not play on two dates, and the injury report of one of them names him."""
    path = slates.settings.input_table("box_scores_table")
    for day in (DAYS[0], DAYS[1]):
        sql = f"UPDATE `{path}` SET is_dnp = TRUE WHERE game_date = DATE '{day}' AND player_lookup = 'player0000'"
        bigquery_client.query_and_wait(sql, api_timeout=30)
    report = {
        "player_lookup": "player0000",
        "game_id": GAME,
        "game_date": DAYS[0].isoformat(),
        "report_date": DAYS[0].isoformat(),
        "report_hour": 12,
        "injury_status": "out",
    }
    load_rows(bigquery_client, slates.settings, INJURY_REPORT, [report])
    assert set(statuses(run_all(slates)).values()) == {Status.SUCCESS}
    voided = {row["game_date"]: row["pre_game_injury_status"] for row in rows(slates) if row["is_voided"]}
    assert voided == {DAYS[0]: "OUT", DAYS[1]: None}


def test_a_date_with_newer_data_is_left_out_and_the_others_are_published(
    slates: Application, meanwhile: Callable[[Callable[[Staged], object]], None], statements: list[tuple[str, str]]
) -> None:
    newer: list[Outcome] = []

    def overtake(_staged: Staged) -> None:
        request = Request(date=BAD, trigger_source="event")
        newer.append(slates.service.run(GRADING, request, deadline(slates), use_lock=False))

    meanwhile(overtake)
    ended = run_all(slates)
    assert statuses(ended) == {day: Status.SUPERSEDED if day == BAD else Status.SUCCESS for day in DAYS}
    runs = {(row["game_date"], row["run_id"]) for row in rows(slates)}
    assert (BAD, newer[0].run_id) in runs
    assert runs == {(outcome.date, outcome.run_id) for outcome in [*ended.outcomes, *newer] if outcome.token}
    assert len(rows(slates)) == PLAYERS * len(DAYS)
    lead = min(ended.outcomes, key=lambda outcome: outcome.date).run_id
    steps = [job_id.split(f"{lead}-")[1].rpartition("-")[0] for job_id, _ in statements if lead in job_id]
    assert steps == ["stage", "measure", "publish", "fences", "publish", "fence", "validate"]


def test_a_resumed_backfill_takes_a_date_with_newer_data_for_done(
    slates: Application, meanwhile: Callable[[Callable[[Staged], object]], None]
) -> None:
    """It says why it published nothing of it, and leaves neither the date nor the summaries after it to be done."""

    def overtake(_staged: Staged) -> None:
        request = Request(date=BAD, trigger_source="event")
        slates.service.run(GRADING, request, deadline(slates), use_lock=False)

    meanwhile(overtake)
    result = backfill(slates)
    [left_out] = [outcome for outcome in result.outcomes if outcome.status is Status.SUPERSEDED]
    assert (left_out.date, left_out.detail) == (BAD, "newer data was published meanwhile")
    runs = slates.settings.target("grading_runs")
    found = rows_of(slates.bigquery_client, f"SELECT * FROM `{runs}` WHERE run_id = '{left_out.run_id}'")
    assert [(run["status"], run["committed_at"], run["detail"]) for run in found] == [
        ("superseded", None, left_out.detail)
    ]
    plan = plan_backfill(slates.service, DAYS[0], DAYS[-1], PROCESSORS, deadline(slates), resume=True)
    assert (plan.runs, plan.finished) == (0, len(PROCESSORS) * len(DAYS))


def test_a_batch_whose_first_date_someone_holds_says_how_long_its_transaction_took(slates: Application) -> None:
    """The size of the next batch is judged by it."""
    with slates.lock("grading").acquire(DAYS[0], "an event"):
        ended = run_all(slates)
    assert ended.held == [DAYS[0]]
    assert ended.transaction_seconds > 0


def test_the_only_date_that_is_left_of_a_batch_is_published_by_its_own_run(
    slates: Application, meanwhile: Callable[[Callable[[Staged], object]], None]
) -> None:
    """The run that leads the batch has left it: rows, fence and audit row name the run of the other date."""
    first, left = DAYS[:2]

    def overtake(_staged: Staged) -> None:
        request = Request(date=first, trigger_source="event")
        slates.service.run(GRADING, request, deadline(slates), use_lock=False)

    meanwhile(overtake)
    ended = run_all(slates, [first, left])
    assert statuses(ended) == {first: Status.SUPERSEDED, left: Status.SUCCESS}
    [outcome] = [outcome for outcome in ended.outcomes if outcome.date == left]
    fence = slates.settings.target("prediction_accuracy_fence")
    entries = rows_of(slates.bigquery_client, f"SELECT run_id FROM `{fence}` WHERE lock_key = '{left}'")
    audited = [run for run in published(slates) if run["game_date"] == left]
    assert [entry["run_id"] for entry in entries] == [run["run_id"] for run in audited] == [outcome.run_id]
    assert {(row["run_id"], row["fence_token"]) for row in rows(slates) if row["game_date"] == left} == {
        (outcome.run_id, outcome.token)
    }


def test_a_date_whose_rows_are_gone_is_staged_again(
    slates: Application, meanwhile: Callable[[Callable[[Staged], object]], None]
) -> None:
    """The fence of one date holds newer data, and its rows have been deleted since: nothing of it is taken for done."""

    def overtake(_staged: Staged) -> None:
        slates.service.run(GRADING, Request(date=BAD, trigger_source="event"), deadline(slates), use_lock=False)
        target = slates.settings.target(GRADING.name)
        sql = f"DELETE FROM `{target}` WHERE game_date = DATE '{BAD}'"
        slates.bigquery_client.query_and_wait(sql, api_timeout=30)

    meanwhile(overtake)
    assert set(statuses(run_all(slates)).values()) == {Status.SUCCESS}
    assert len(rows(slates)) == PLAYERS * len(DAYS)


def test_a_row_that_cannot_be_stored_keeps_its_date_back_and_no_other(
    slates: Application,
    meanwhile: Callable[[Callable[[Staged], object]], None],
    sink: RecordingSink,
    notifier: RecordingNotifier,
) -> None:
    """A NULL in a required column is found by measuring: no batch is halved for it."""

    def spoil(staged: Staged) -> None:
        where = f"game_date = DATE '{BAD}' AND player_lookup = 'player0000'"
        sql = f"UPDATE `{staged.table}` SET system_id = NULL WHERE {where}"
        slates.bigquery_client.query_and_wait(sql, api_timeout=30)

    meanwhile(spoil)
    ended = run_all(slates)
    assert statuses(ended) == {day: Status.FAILED if day == BAD else Status.SUCCESS for day in DAYS}
    [failed] = [outcome for outcome in ended.outcomes if outcome.status is Status.FAILED]
    assert f"1 staged rows of prediction_accuracy {BAD} are NULL in a column" in failed.detail
    assert not failed.transient
    assert {row["game_date"] for row in rows(slates)} == {day for day in DAYS if day != BAD}
    assert "batch_halved" not in sink.names
    assert notifier.checks() == ["processor_failed"]


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception, *, times: int = 100) -> list[list[date]]:
    """Staging fails for every batch that has the bad date; returns the dates of each staging."""
    real, staged, left = ComputedRows.stage, list[list[date]](), [times]

    def stage(self: ComputedRows, batch: Batch) -> Staged:
        staged.append(list(batch.days))
        if BAD in batch.days and left[0]:
            left[0] -= 1
            raise error
        return real(self, batch)

    monkeypatch.setattr(ComputedRows, "stage", stage)
    return staged


def halved(days: Sequence[date]) -> Iterator[int]:
    """The dates of each staging of a batch, if one of the dates fails."""
    yield len(days)
    if BAD in days and len(days) > 1:
        half = (len(days) + 1) // 2
        yield from halved(days[:half])
        yield from halved(days[half:])


def test_a_batch_is_halved_until_the_date_that_fails_is_alone(
    slates: Application, monkeypatch: pytest.MonkeyPatch, sink: RecordingSink
) -> None:
    staged = refuse(monkeypatch, StatementRefused("Bad double value: x"))
    result = backfill(slates, GRADING)
    assert {o.date: o.status for o in result.outcomes} == {
        day: Status.FAILED if day == BAD else Status.SUCCESS for day in DAYS
    }
    assert [outcome.detail for outcome in result.failed] == ["Bad double value: x"]
    assert [len(days) for days in staged] == list(halved(DAYS))
    assert len(sink.named("batch_halved")) == len(staged) // 2


def test_an_unknown_error_is_tried_again_before_the_batch_is_halved(
    slates: Application, monkeypatch: pytest.MonkeyPatch, sink: RecordingSink
) -> None:
    staged = refuse(monkeypatch, UnknownFailure("what is this"), times=1)
    assert not backfill(slates, GRADING).failed
    assert [len(days) for days in staged] == [len(DAYS)] * 2
    assert not sink.named("batch_halved")


@pytest.mark.parametrize("error", [OutcomeUnknown("no answer")], ids=["outcome unknown"])
def test_a_batch_that_may_still_commit_is_not_halved(
    slates: Application, monkeypatch: pytest.MonkeyPatch, sink: RecordingSink, error: Exception
) -> None:
    refuse(monkeypatch, error, times=1)
    ended = run_all(slates)
    assert ended.split is None
    assert {outcome.status for outcome in ended.outcomes} == {Status.FAILED}
    assert all(outcome.transient for outcome in ended.outcomes)


class Answers(Warehouse):
    """A warehouse whose publishes are aborted, or whose answers get lost after the job ran."""

    aborted = 0
    lost = 0

    def run(self, sql: Any, *, job_id: str, deadline: Deadline) -> JobResult:
        if "-publish" in job_id and self.aborted:
            self.aborted -= 1
            raise PublishConflict("Transaction is aborted due to concurrent update against table")
        result = super().run(sql, job_id=job_id, deadline=deadline)
        if "-publish" in job_id and self.lost:
            self.lost -= 1
            raise PublishConflict("Transaction is aborted due to concurrent update against table")
        return result


def answering(application: Application) -> Answers:
    warehouse = Answers(application.bigquery_client, observe=application._observe)
    application.__dict__["warehouse"] = warehouse
    writer = application.writer
    publisher = replace(writer.publisher, pause=lambda _seconds: None)  # type: ignore[type-var]
    application.__dict__["writer"] = replace(writer, publisher=publisher)
    return warehouse


def test_three_conflicts_in_a_row_halve_a_batch(slates: Application, sink: RecordingSink) -> None:
    answering(slates).aborted = 3
    assert not backfill(slates, GRADING).failed
    assert [event.fields["dates"] for event in sink.named("batch_halved")] == [len(DAYS)]
    assert len(rows(slates)) == PLAYERS * len(DAYS)


def test_a_commit_whose_answer_was_lost_is_found_before_a_batch_is_halved(
    slates: Application, sink: RecordingSink
) -> None:
    """The third conflict in a row may be that of an attempt that committed: no date is published a second time."""
    warehouse = answering(slates)
    warehouse.aborted, warehouse.lost = 2, 1
    assert not backfill(slates, GRADING).failed
    assert not sink.named("batch_halved")
    assert sorted(run["game_date"] for run in published(slates)) == list(DAYS)


def test_a_commit_whose_answer_was_lost_is_found_before_time_is_up(
    slates: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date that was published does not end as failed because no time was left to wait for another attempt."""
    monkeypatch.setattr(random, "uniform", lambda _least, _longest: 1e9)
    warehouse = answering(slates)
    warehouse.lost = 1
    [outcome] = run_all(slates, [DAYS[0]]).outcomes
    assert outcome.status is Status.SUCCESS
    assert [run["game_date"] for run in published(slates)] == [DAYS[0]]


def test_a_lost_answer_of_a_commit_is_found_in_any_of_the_fences(
    slates: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published once, audited once; also if someone else has published one of the dates since."""
    # That run waits for a lock that this thread holds, before it goes on without.
    monkeypatch.setattr(locker, "_LONGEST_PUBLISH_WAIT_SECONDS", 0.1)
    warehouse = answering(slates)
    warehouse.lost = 1
    real, ask = publish._attempt, Jobs.ask

    def newer_first(*given: Any, **options: Any) -> Any:
        try:
            return ask(*given, **options)
        except GuardRaised as raised:  # which date's row ends the script is the warehouse's choice
            raise GuardRaised("fence_newer") from raised

    def attempt(batch: Batch, *given: Any) -> Any:
        try:
            return real(batch, *given)
        except PublishConflict:
            request = Request(date=DAYS[0], trigger_source="event")
            slates.service.run(GRADING, request, deadline(slates), use_lock=False)
            monkeypatch.setattr(Jobs, "ask", newer_first)
            raise

    monkeypatch.setattr(publish, "_attempt", attempt)
    ended = run_all(slates)
    assert set(statuses(ended).values()) == {Status.SUCCESS}
    runs = [run["run_id"] for run in published(slates)]
    assert len(runs) == len(set(runs)) == len(DAYS) + 1


class LostLease:
    """A lease that someone else has taken over."""

    holder_id = "us"

    def ensure_held(self) -> None:
        raise LeaseLost

    def abandon(self) -> None:
        raise AssertionError("there is nothing left to abandon")


def test_a_date_whose_lock_is_lost_leaves_the_batch(slates: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Batch.holding

    def holding(self: Batch, holds: dict[date, Hold]) -> Batch:
        return real(self, {**holds, BAD: Hold(lease=LostLease())})

    monkeypatch.setattr(Batch, "holding", holding)
    ended = run_all(slates)
    assert statuses(ended) == {day: Status.FAILED if day == BAD else Status.SUCCESS for day in DAYS}
    [lost] = [outcome for outcome in ended.outcomes if outcome.status is Status.FAILED]
    assert lost.transient
    assert {row["game_date"] for row in rows(slates)} == {day for day in DAYS if day != BAD}


def test_a_date_that_someone_holds_is_done_at_the_end_of_its_phase(
    slates: Application, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others do not wait for it, and the summaries come after it."""
    waits = threading.Event()
    record = sink.record
    monkeypatch.setattr(
        sink, "record", lambda event: (record(event), waits.set() if event.name == "lock_waiting" else None)
    )
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with slates.lock("grading").acquire(BAD, "an event"):
            held.set()
            release.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    letting_go = threading.Thread(target=lambda: (waits.wait(60), release.set()))
    letting_go.start()
    result = backfill(slates)
    holder.join()
    letting_go.join()
    assert not result.failed
    ended = [(event.fields["processor"], event.fields["date"]) for event in sink.named("run_finished")]
    assert ended[: len(DAYS)] == [
        *((GRADING.name, day.isoformat()) for day in DAYS if day != BAD),
        (GRADING.name, str(BAD)),
    ]
    assert {processor for processor, _ in ended[len(DAYS) :]} == {p.name for p in PROCESSORS[1:]}


def test_dates_that_someone_held_together_are_done_together_once_they_are_free(
    slates: Application, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a backfill that was killed: its dates are waited for once, and not written one at a time."""
    waits, held, release = threading.Event(), threading.Event(), threading.Event()
    record = sink.record
    monkeypatch.setattr(
        sink, "record", lambda event: (record(event), waits.set() if event.name == "lock_waiting" else None)
    )

    def hold() -> None:
        with slates.lock("grading").acquire_all(dict.fromkeys(DAYS, "a batch")):
            held.set()
            release.wait(60)

    threads = [threading.Thread(target=hold), threading.Thread(target=lambda: (waits.wait(60), release.set()))]
    for thread in threads:
        thread.start()
    assert held.wait(10)
    result = backfill(slates)
    for thread in threads:
        thread.join()
    assert not result.failed
    writes = {run["publish_job_id"] for run in published(slates) if run["processor"] == GRADING.name}
    assert len(writes) == 2, "that of the first date, which is waited for, and that of all others"


def test_without_a_lock_store_all_dates_are_published_with_one_alert(
    slates: Application, notifier: RecordingNotifier
) -> None:
    store = FaultyStore(slates.lock_store)
    store.always = "down"
    slates.__dict__["lock_store"] = store
    ended = run_all(slates)
    assert ended.split is None
    assert set(statuses(ended).values()) == {Status.SUCCESS}
    assert notifier.checks() == ["lock_failure"]
    assert {run["locked"] for run in published(slates)} == {False}


def test_a_lock_store_that_fails_in_the_middle_of_a_batch_is_not_asked_for_the_publish(
    slates: Application, notifier: RecordingNotifier, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FaultyStore(slates.lock_store)
    store.plan("commit", "down")  # so that the locks are taken one by one
    slates.__dict__["lock_store"] = store
    record = sink.record
    fails = {"lock_acquired": "down"}
    monkeypatch.setattr(
        sink,
        "record",
        lambda event: (record(event), setattr(store, "always", fails.get(event.name, store.always))),
    )
    ended = run_all(slates)
    assert set(statuses(ended).values()) == {Status.SUCCESS}
    assert notifier.checks() == ["lock_failure"]
    assert sorted(run["locked"] for run in published(slates)) == [*[False] * (len(DAYS) - 1), True]
    assert not sink.named("publish_lock_skipped")


def test_a_script_that_is_too_long_is_sent_in_parts(
    slates: Application, monkeypatch: pytest.MonkeyPatch, statements: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr(publish, "_LONGEST_SCRIPT", 7_000)
    assert not backfill(slates, GRADING).failed
    scripts = [len(sql) for job_id, sql in statements if "-publish" in job_id]
    assert len(scripts) > 1
    assert max(scripts) <= 7_000
    assert len(rows(slates)) == PLAYERS * len(DAYS)


def test_a_date_that_shrinks_or_has_no_box_scores_keeps_no_other_back(
    slates: Application, bigquery_client: bigquery.Client
) -> None:
    assert not backfill(slates, GRADING).failed
    shrunk, waiting = DAYS[1], DAYS[-1] + timedelta(days=12)
    load(bigquery_client, slates.settings, predictions(waiting, 2), [])
    table = slates.settings.input_table("predictions_table")
    sql = f"DELETE FROM `{table}` WHERE game_date = DATE '{shrunk}' AND player_lookup != 'player0000'"
    bigquery_client.query_and_wait(sql, api_timeout=30)
    ended = run_all(slates, [*DAYS, waiting])
    expected = dict.fromkeys(DAYS, Status.SUCCESS) | {shrunk: Status.SHRUNK, waiting: Status.NO_ACTUALS}
    assert statuses(ended) == expected
    coverage = {outcome.date: outcome.coverage for outcome in ended.outcomes}
    assert coverage[waiting] is not None
    assert coverage[waiting].gradable == 2
    assert len([row for row in rows(slates) if row["game_date"] == shrunk]) == PLAYERS


def test_dates_of_which_nothing_is_published_are_recorded_by_one_job(
    slates: Application, bigquery_client: bigquery.Client, statements: list[tuple[str, str]]
) -> None:
    """A season without box scores costs no job a date. Each date has its own row: run, status and detail."""
    box_scores_table = slates.settings.input_table("box_scores_table")
    without = DAYS[1:]
    sql = f"DELETE FROM `{box_scores_table}` WHERE game_date >= DATE '{without[0]}'"
    bigquery_client.query_and_wait(sql, api_timeout=30)
    ended = run_all(slates)
    assert statuses(ended) == dict.fromkeys(DAYS, Status.NO_ACTUALS) | {DAYS[0]: Status.SUCCESS}
    assert len([job_id for job_id, _ in statements if "-record-" in job_id]) == 1
    runs = slates.settings.target("grading_runs")
    recorded = rows_of(bigquery_client, f"SELECT * FROM `{runs}` WHERE committed_at IS NULL ORDER BY game_date")
    expected = [outcome for outcome in ended.outcomes if outcome.date in without]
    assert [
        (run["game_date"], run["run_id"], run["status"], run["detail"], run["trigger_source"]) for run in recorded
    ] == [(outcome.date, outcome.run_id, "no_actuals", outcome.detail, "test") for outcome in expected]
    assert {(run["rows_inserted"], run["locked"], run["rules_version"], run["fence_token"]) for run in recorded} == {
        (0, True, slates.settings.rules_version, None)
    }
    assert all(run["staging_token"] for run in recorded)
