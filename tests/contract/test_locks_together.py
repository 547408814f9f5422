"""Locks of several dates that are held together, on each store."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import date, timedelta

import pytest

from foundation.errors import LeaseLost, LockAcquisitionError, LockStoreUnavailable
from foundation.events import Event, EventLog
from locking import DistributedLock, Lease, LockTimings
from locking.lock import lock_document
from locking.store import Change, DocumentStore, Key
from tests.fakes import RecordingSink
from tests.unit.faulty_store import FaultyStore

DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(4)]
OPERATIONS = {day: f"batch:{day}" for day in DAYS}
SHORT = LockTimings(
    lease_seconds=2.0, renew_every_seconds=0.2, rpc_timeout_seconds=1.0, outage_seconds=2.0, safety_poll_seconds=0.5
)
T = 5.0


def make(store: DocumentStore, *sinks: RecordingSink) -> DistributedLock:
    return DistributedLock("demo", store=store, timings=SHORT, events=EventLog(sinks))


def test_a_commit_is_carried_out_whole_or_not_at_all(store: DocumentStore) -> None:
    keys = [Key("grading_locks", name) for name in ("a", "b", "c")]
    versions = store.commit([Change(key, {"n": 1}) for key in keys[:2]], timeout=T)
    assert versions is not None
    assert store.commit([Change(keys[2], {"n": 1}), Change(keys[0], {"n": 1})], timeout=T) is None
    assert store.read(keys[2], timeout=T) is None
    stale = [Change(keys[0], {"n": 2}, versions[0]), Change(keys[1], {"n": 2}, versions[1] - 1)]
    assert store.commit(stale, timeout=T) is None
    first = store.read(keys[0], timeout=T)
    assert first is not None
    assert first.fields == {"n": 1}
    assert store.commit([Change(keys[0], None, versions[0]), Change(keys[1]), Change(keys[2])], timeout=T) is not None
    assert [store.read(key, timeout=T) for key in keys] == [None, None, None]


def test_all_are_held_and_all_are_released(store: DocumentStore) -> None:
    sink = RecordingSink()
    lock = make(store, sink)
    with lock.acquire_all(OPERATIONS) as found:
        leases = [lease for lease in found.values() if isinstance(lease, Lease)]
        assert len(leases) == len(DAYS)
        assert len({lease.holder_id for lease in leases}) == len(DAYS)
        held = {status.lock_key: status.holder_id for status in lock.list_locks()}
        assert held == {day.isoformat(): lease.holder_id for day, lease in zip(DAYS, leases, strict=True)}
    assert lock.list_locks() == []
    assert sink.names.count("lock_released") == len(DAYS)


def test_what_someone_else_holds_is_not_waited_for(store: DocumentStore) -> None:
    lock = make(store)
    with lock.acquire(DAYS[1], "other"), lock.acquire_all(OPERATIONS) as found:
        assert isinstance(found[DAYS[1]], LockAcquisitionError)
        assert [day for day, lease in found.items() if isinstance(lease, Lease)] == [DAYS[0], *DAYS[2:]]
    assert lock.list_locks() == []


def test_one_lock_that_is_lost_leaves_the_others_held(store: DocumentStore) -> None:
    """Its renewal has the commit of all refused: they are renewed one by one."""
    lost = threading.Event()
    sink = RecordingSink()
    record = sink.record

    def note(event: Event) -> None:
        record(event)
        if event.name == "lock_lost":
            lost.set()

    sink.record = note  # type: ignore[method-assign]
    lock = make(store, sink)
    with lock.acquire_all(OPERATIONS) as found:
        [taken] = [status for status in lock.list_locks() if status.lock_key == DAYS[2].isoformat()]
        assert lock.force_release(DAYS[2], if_version=taken.version)
        assert lost.wait(10)
        for day, lease in found.items():
            assert isinstance(lease, Lease)
            if day == DAYS[2]:
                with pytest.raises(LeaseLost):
                    lease.ensure_held()
            else:
                lease.ensure_held()
    assert lock.list_locks() == []


def test_one_that_is_abandoned_is_left_to_expire(store: DocumentStore) -> None:
    lock = make(store)
    with lock.acquire_all(OPERATIONS) as found:
        abandoned = found[DAYS[0]]
        assert isinstance(abandoned, Lease)
        abandoned.abandon()
    assert [status.lock_key for status in lock.list_locks()] == [DAYS[0].isoformat()]


def test_without_a_store_every_date_is_told_so_after_one_outage(store: DocumentStore) -> None:
    """The store fails at the third date: the first two are held, the others are not asked for."""
    faulty = FaultyStore(store)
    faulty.plan("commit", "down")
    faulty.plan("create", "fine", "fine", "down")
    with make(faulty).acquire_all(OPERATIONS) as found:  # type: ignore[arg-type]
        assert [isinstance(lease, Lease) for lease in found.values()] == [True, True, False, False]
        assert all(isinstance(found[day], LockStoreUnavailable) for day in DAYS[2:])
        assert faulty.calls.count("create") == 3


def test_an_answer_that_was_lost_is_found_again(store: DocumentStore) -> None:
    faulty = FaultyStore(store)
    faulty.plan("commit", "lost after")
    lock = make(faulty)  # type: ignore[arg-type]
    with lock.acquire_all(OPERATIONS) as found:
        assert all(isinstance(lease, Lease) for lease in found.values())
    assert make(store).list_locks() == []


def test_two_that_meet_from_opposite_ends_do_not_wait_for_each_other(store: DocumentStore) -> None:
    sink = RecordingSink()
    lock = make(store, sink)
    with ExitStack() as stack:
        first = stack.enter_context(lock.acquire_all(dict.fromkeys(DAYS[:3], "up")))
        second = stack.enter_context(lock.acquire_all(dict.fromkeys(reversed(DAYS[1:]), "down")))
        assert all(isinstance(lease, Lease) for lease in first.values())
        assert {day for day, lease in second.items() if isinstance(lease, Lease)} == {DAYS[3]}
    assert "lock_waiting" not in sink.names
    assert store.read(lock_document("grading", DAYS[0]), timeout=T) is None
