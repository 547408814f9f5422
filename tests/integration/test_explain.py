"""`explain` tells a bad morning rightly, in words that stand here."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import OutcomeUnknown
from grading.batch import Batch
from grading.history import RunHistory
from grading.outcome import Outcome, Status
from grading.processors import GRADING, PROCESSORS
from grading.report.facts import read_facts
from grading.report.story import Story, tell
from grading.run import Request
from grading.wiring import Application
from grading.writing.rules import compute
from grading.writing.staging import QueriedRows, Staged
from localdev.bigquery import client_for
from localdev.naive import race
from locking.lock import lock_document
from tests.faults.weak import rows_of_date
from tests.integration.conftest import DAY, RecordingSink
from tests.integration.service_process import start
from tests.integration.slate import load, load_day, predictions
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult


@dataclass(frozen=True)
class Paused:
    """Stages as usual, then does something before the publish; only the first time."""

    then: Callable[[], object]
    done: threading.Event

    def stage(self, batch: Batch) -> Staged:
        staged = QueriedRows(compute(batch)).stage(batch)
        if not self.done.is_set():
            self.done.set()
            self.then()
        return staged


def run(application: Application, trigger: str, then: Callable[[], object] | None = None, **given: bool) -> Outcome:
    source = Paused(then, threading.Event()) if then else None
    request = Request(date=DAY, trigger_source=trigger)
    return application.service.run(GRADING, request, Deadline.after(300, application.clock), source=source, **given)


def story(application: Application) -> Story:
    jobs = application.jobs("explain", 60)
    return tell(read_facts(application.settings, jobs, application.lock_store, DAY, [GRADING]))


def assert_in_order(said: list[str], *patterns: str) -> None:
    """Each pattern is in one of the sentences, in this order."""
    rest: Iterator[str] = iter(said)
    for pattern in patterns:
        assert any(re.search(pattern, sentence) for sentence in rest), f"{pattern!r} is not in order in\n" + "\n".join(
            said
        )


def test_a_bad_morning(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_day(bigquery_client, application.settings, DAY, players=6)

    # A scheduled run holds the lock; a backfill comes and waits for it.
    outcomes: list[Outcome] = []
    backfill = threading.Thread(target=lambda: outcomes.append(run(application, "backfill")))
    waiting = threading.Event()
    record = sink.record
    monkeypatch.setattr(
        sink, "record", lambda event: (record(event), waiting.set() if event.name == "lock_waiting" else None)
    )

    def until_the_backfill_waits() -> None:
        backfill.start()
        assert waiting.wait(30)

    first = run(application, "schedule", until_the_backfill_waits)
    backfill.join(60)
    assert [first.status, outcomes[0].status] == [Status.SUCCESS, Status.SUCCESS]

    # An older staging is refused: someone without the lock published newer data meanwhile.
    assert run(application, "late", lambda: run(application, "by hand", use_lock=False)).status is Status.SUCCESS

    # The holder of the lock has died.
    claimed = {
        "holder_id": "dead",
        "operation_id": f"{GRADING.name}:{DAY}:schedule",
        "lease_seconds": 0.001,
        "token": 0,
    }
    application.lock_store.create(lock_document(GRADING.lock_type, DAY), claimed, timeout=5)
    assert run(application, "after the crash").status is Status.SUCCESS

    # The answer of a publish is lost.
    sent = Warehouse.run

    def lose_the_answer(self: Warehouse, sql: object, *, job_id: str, deadline: Deadline) -> JobResult:
        result = sent(self, sql, job_id=job_id, deadline=deadline)  # type: ignore[arg-type]
        if "-publish-" in job_id:
            raise OutcomeUnknown(f"job {job_id} was sent, and no answer came")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "run", lose_the_answer)
        assert run(application, "unlucky").status is Status.FAILED
    lock = application.lock(GRADING.lock_type)
    for held in lock.list_locks():
        lock.force_release(DAY, if_version=held.version)

    told = story(application)
    said = [moment.text for moment in told.moments]
    assert [moment.at for moment in told.moments] == sorted(moment.at for moment in told.moments)
    run_ = r"Run [0-9a-f]{8}"
    assert_in_order(
        said,
        rf"^{run_} \(schedule\) began\. It had the lock at once\.$",
        rf"^{run_} \(schedule\) staged its rows\. The date had 6 predictions, 6 box scores and 0 injury reports\. ",
        rf"^{run_} \(schedule\) published 6 rows, in place of 0\.",
        rf"^{run_} \(backfill\) published 6 rows, in place of 6 of {run_} \(schedule\)\..* later .* so it won\.",
        rf"^{run_} \(late\) was refused once: newer data had been published.*Nothing of the older staging was kept\.",
        rf"^{run_} \(late\) published 6 rows, in place of 6 of {run_} \(by hand\)",
        rf"^{run_} \(after the crash\) began\. It took the lock over from prediction_accuracy:{DAY}:schedule "
        r"\(no run of it is recorded: it may have died\), whose lease had ended",
        rf"^{run_} \(unlucky\) published 6 rows",
    )
    assert_in_order(
        said, rf"^{run_} \(backfill\) began\. It waited \d+\.\d s for {run_} \(schedule\), which held the lock\.$"
    )
    assert_in_order(said, rf"^{run_} \(by hand\) began\. It had no lock; the fence alone guarded its write\.$")
    assert_in_order(said, rf"^{run_} \(unlucky\) lost the answer of its publish.*committed all the same, once")
    assert told.now[0].startswith("prediction_accuracy has 6 rows, all of Run ")
    assert told.now[0].endswith("(unlucky).")
    assert "It is as new as its inputs." in told.now
    assert told.next_command is None

    # Two naive writers at once: the accident.
    rows = rows_of_date(application, DAY)
    race(
        lambda: client_for(application.settings.bigquery_api_endpoint),
        application.settings.target(GRADING.name),
        DAY,
        rows,
        writers=2,
    )
    told = story(application)
    assert_in_order(
        list(told.now), "prediction_accuracy has 12 rows",
        r"6 of its business keys have more than one row: 6 rows too many\. Run [0-9a-f]{8} published 6 rows and 12 "
        r"carry its id: a writer without the fence wrote them again\.",
    )  # fmt: skip
    assert (
        told.next_command == f"python -m grading dedupe --table prediction_accuracy --start {DAY} --end {DAY} --execute"
    )

    # Repaired.
    application.remediation.run(GRADING, DAY, Deadline.after(90, application.clock), max_count=100)
    told = story(application)
    assert_in_order(
        [moment.text for moment in told.moments], rf"^{run_} \(.*\) repaired the date: 6 rows, in place of 12"
    )
    assert "6 rows" in told.now[0]
    assert told.next_command is None

    # Late box scores: one more prediction is gradable.
    newer = predictions(DAY, 1, created="2024-01-15T13:00:00Z")
    load(bigquery_client, application.settings, [{**newer[0], "player_lookup": "player0001", "game_id": "x"}], [])
    box = {"player_lookup": "player0001", "game_id": "x", "game_date": f"{DAY}", "points": 9, "minutes_played": "9"}
    load(
        bigquery_client,
        application.settings,
        [],
        [{**box, "team_abbr": "A", "opponent_team_abbr": "B", "is_dnp": False}],
    )
    told = story(application)
    assert "It is behind its inputs: 1 predictions have a box score and no grade." in told.now
    assert "The date had 6 box scores then; it has 7 now." in told.now
    assert told.next_command == f"python -m grading grade --date {DAY}"


def test_what_a_run_records_of_itself(application: Application, bigquery_client: bigquery.Client) -> None:
    """Published or not; offsets from the creation of the staging job, in their order."""
    run(application, "too early")
    load_day(bigquery_client, application.settings, DAY, players=3)
    run(application, "schedule")
    run(application, "again")
    history = RunHistory(application.settings, application.jobs("runs", 60)).of_date(DAY)
    early, first, again = sorted(history, key=lambda record: record.started_at or 0)  # type: ignore[arg-type,return-value]
    assert (early.status, early.publish_job_id) == ("no_predictions", None)
    for record in (early, first, again):
        assert record.lock_holder
        assert record.waited_for is None
        assert record.staging_token
        offsets = [record.lock_requested_ms, record.lock_acquired_ms, 0, record.staged_ms, record.measured_ms]
        assert None not in offsets
        assert offsets == sorted(offsets)  # type: ignore[type-var]
    assert (first.found_run_id, first.found_token) == (None, None)
    assert (again.found_run_id, again.found_token) == (first.run_id, first.fence_token)
    assert {name: state.rows for name, state in first.input_states.items()} == {
        "predictions": 3, "box_scores": 3, "injury_report": 0,
    }  # fmt: skip
    assert all(state.modified_ms for state in first.input_states.values())
    assert f"-{first.run_id}-publish-" in str(first.publish_job_id)
    assert application.warehouse.ended_at(str(first.publish_job_id)) is not None


def test_rows_of_an_earlier_version_read_as_before(application: Application, bigquery_client: bigquery.Client) -> None:
    """A table without the new columns, and rows without their values."""
    load_day(bigquery_client, application.settings, DAY, players=3)
    run(application, "schedule")
    runs = application.settings.target("grading_runs")
    old = (
        "run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked, rows_deleted, "
        "rows_inserted, duplicate_keys, started_at, committed_at, status, detail, covers"
    )
    for sql in (
        f"CREATE TABLE `{runs}_old` AS SELECT {old} FROM `{runs}`",
        f"DROP TABLE `{runs}`",
        f"ALTER TABLE `{runs}_old` RENAME TO `grading_runs`",
    ):
        bigquery_client.query(sql, timeout=30).result(timeout=30)
    told = story(application)
    assert_in_order(
        [m.text for m in told.moments], r"^Run .* began\. It had the lock", "published 3 rows, in place of 0"
    )


def test_as_a_person_types_it(application: Application, bigquery_client: bigquery.Client) -> None:
    """In words, as JSON, and for a date of which nothing is known."""
    load_day(bigquery_client, application.settings, DAY, players=3)
    application.service.grade(
        Request(date=DAY, trigger_source="schedule"), PROCESSORS, Deadline.after(90, application.clock)
    )

    def said(*words: str) -> str:
        process: subprocess.Popen[str] = start(application.settings, *words)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 0, output
        return output

    text = said("explain", f"{DAY}")
    assert "published 3 rows, in place of 0" in text
    assert "Nothing is to be done." in text
    found = json.loads(said("explain", f"{DAY}", "--processor", GRADING.name, "--format", "json"))
    assert found["next_command"] is None
    assert {moment["processor"] for moment in found["moments"]} == {GRADING.name}
    text = said("explain", "2001-01-01", "--processor", GRADING.name)
    assert "No run of 2001-01-01 is recorded." in text
    assert "There is no prediction for this date." in text
