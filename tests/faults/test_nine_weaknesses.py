"""The nine ways in which the replaced system loses. Each check is red on a simple version of it, and green on ours."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import Deadline, SystemClock
from foundation.errors import LockAcquisitionError, StagingOutdated
from foundation.events import EventLog
from grading.batch import Batch
from grading.hold import Hold
from grading.locker import Locker
from grading.processors import GRADING
from grading.run import Request, Run
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.publish_script import AuditNote
from grading.writing.rules import compute
from grading.writing.staging import QueriedRows
from localdev.bigquery import client_for
from localdev.naive import delete_then_load, race
from localdev.slack_sink import SlackSink
from locking import DistributedLock, LockTimings
from locking.lease import Lease
from locking.sqlite_store import SQLiteLockStore
from locking.store import DocumentStore
from tests.faults.conftest import DAY, PLAYERS
from tests.faults.lock.worker import SkewedClock
from tests.faults.weak import (
    PlainLock,
    alert_and_freeze,
    die_between_two_jobs,
    die_in_the_publish,
    rows_of_date,
)
from tests.processes import CONTEXT

SHORT = LockTimings(lease_seconds=1.5, renew_every_seconds=0.4, rpc_timeout_seconds=0.5, outage_seconds=1.0)
TEN_MINUTES = 600.0

both = pytest.mark.parametrize("ours", [False, True], ids=["weak", "ours"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DocumentStore]:
    opened = SQLiteLockStore(tmp_path / "locks.sqlite3")
    yield opened
    opened.close()


def lock(store: DocumentStore, **given: Any) -> DistributedLock:
    return DistributedLock("project", store=store, **given)


def in_process(target: Callable[..., None], *arguments: Any) -> None:
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode is not None


def whole(application: Application) -> bool:
    """Whether the date holds one row a player, all of one run."""
    rows = rows_of_date(application, DAY)
    return len(rows) == len({row["player_lookup"] for row in rows}) == PLAYERS and len({r["run_id"] for r in rows}) == 1


def new_run(application: Application) -> Run:
    deadline = Deadline.after(60, application.clock)
    return Run.start(GRADING, Request(date=DAY), application.settings, application.warehouse, deadline, hold=Hold())


@both
def test_1_a_crash_during_the_write_does_not_leave_the_date_empty(graded: Application, ours: bool) -> None:
    in_process(die_in_the_publish if ours else die_between_two_jobs, graded.settings, DAY)
    assert whole(graded) is ours


@both
def test_2_a_holder_that_was_paused_does_not_write_over_its_successor(graded: Application, ours: bool) -> None:
    """Staged, paused for longer than its lease, and back: it does not know yet that someone else has written."""
    paused = new_run(graded)
    staged = QueriedRows(compute(Batch.of(paused))).stage(Batch.of(paused))
    old_rows = rows_of_date(graded, DAY)
    successor = graded.service.run(GRADING, Request(date=DAY), Deadline.after(60, graded.clock))
    if ours:
        notes = {DAY: AuditNote(status="success")}
        refused = graded.writer.publisher.publish(Batch.of(paused), staged, notes, graded.events)
        assert isinstance(refused[DAY], StagingOutdated)
    else:
        delete_then_load(graded.bigquery_client, graded.settings.target(GRADING.name), DAY, old_rows)
    assert ({row["run_id"] for row in rows_of_date(graded, DAY)} == {successor.run_id}) is ours


@both
def test_3_a_late_release_does_not_remove_the_successors_lock(store: DocumentStore, ours: bool) -> None:
    if ours:
        with lock(store).acquire("k", "first"):
            [held] = lock(store).list_locks()
            lock(store).force_release("k", if_version=held.version)
            second = lock(store).acquire("k", "second", 0)
            second.__enter__()
        holders = [held.operation_id for held in lock(store).list_locks()]
        second.__exit__(None, None, None)
        assert holders == ["second"]
        return
    first, successor = PlainLock(store, "first", lease_seconds=0), PlainLock(store, "second")
    assert first.acquire()
    time.sleep(0.01)  # its lease of no length is over
    assert successor.acquire()
    assert successor.holder() == "second"
    first.release()
    assert successor.holder() == ""


@both
def test_4_two_contenders_are_told_apart(store: DocumentStore, ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one id for all, a lock that is held looks like one's own, whose answer was lost."""
    if not ours:
        monkeypatch.setattr("locking.lock.uuid.uuid4", lambda: uuid.UUID(int=1))
    with lock(store).acquire("k", "first"):
        try:
            with lock(store).acquire("k", "second", 0):
                alone = False
        except LockAcquisitionError:
            alone = True
    assert alone is ours


@both
def test_5_a_contender_whose_clock_is_wrong_does_not_steal_a_live_lock(store: DocumentStore, ours: bool) -> None:
    ahead = SkewedClock(TEN_MINUTES)
    if not ours:
        assert PlainLock(store, "first").acquire()
        assert PlainLock(store, "second", ahead).acquire()  # stolen
        return
    with lock(store).acquire("k", "first") as lease:
        with (
            pytest.raises(LockAcquisitionError),
            lock(store, clock=ahead).acquire("k", "second", 0),
        ):
            pass
        lease.ensure_held()


@both
def test_6_a_run_longer_than_its_lease_keeps_its_lock(
    store: DocumentStore, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contender waits for two leases. Without renewal it takes the lock from a holder that lives."""
    if not ours:
        monkeypatch.setattr(Lease, "_renew_until_stopped", lambda _: None)
    with lock(store, timings=SHORT).acquire("k", "first"):
        try:
            with lock(store, timings=SHORT).acquire("k", "second", 2 * SHORT.lease_seconds):
                alone = False
        except LockAcquisitionError:
            alone = True
    assert alone is ours


@both
def test_7_waiting_for_the_lock_leaves_time_to_write(store: DocumentStore, ours: bool) -> None:
    """The replaced wait, 60 polls, is longer than the function may run; here both are scaled down."""
    deadline = Deadline.after(2.0, SystemClock())
    if ours:
        locker = Locker(lambda kind, _: lock(store), max_wait_seconds=300.0, write_reserve_seconds=1.0)
        with (
            lock(store).acquire(DAY, "first"),
            locker.hold(GRADING, Request(date=DAY), deadline, EventLog()) as hold,
        ):
            assert not hold.locked
            time_is_left = not deadline.expired
    else:
        PlainLock(store, "first").acquire()
        assert not PlainLock(store, "second").acquire(polls=60, pause_seconds=0.05)
        time_is_left = not deadline.expired
    assert time_is_left is ours


@both
def test_8_two_writers_without_a_lock_do_not_double_the_date(graded: Application, ours: bool) -> None:
    """After a lock timeout both proceed. In two jobs each, both DELETEs come before both loads."""
    if ours:
        threads = [
            threading.Thread(
                target=graded.service.run,
                args=(GRADING, Request(date=DAY), Deadline.after(60, graded.clock)),
                kwargs={"use_lock": False},
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        target, endpoint = graded.settings.target(GRADING.name), graded.settings.bigquery_api_endpoint
        race(lambda: client_for(endpoint), target, DAY, rows_of_date(graded, DAY), writers=2)
        assert len(rows_of_date(graded, DAY)) == 2 * PLAYERS
    assert whole(graded) is ours


@both
def test_9_an_alert_is_out_before_the_function_returns(settings: Settings, slack_sink: SlackSink, ours: bool) -> None:
    """What a background thread has not sent by then is frozen with the instance."""
    in_process(alert_and_freeze, settings, slack_sink.url, not ours)
    assert (len(slack_sink.delivered) == 1) is ours
