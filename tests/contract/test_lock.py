"""The lock's promises within one process, on each store. What needs several processes is in tests/faults/lock."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from foundation.clock import Deadline, SystemClock
from foundation.errors import InvalidSettings, LeaseLost, LockAcquisitionError
from foundation.events import EventLog
from locking import ConsolidationLock, DistributedLock, LockTimings, check_for_stuck_locks
from locking.line import waiters
from locking.lock import lock_document
from locking.store import DocumentStore, Key
from tests.fakes import RecordingSink

DAY = date(2026, 1, 17)
SHORT = LockTimings(
    lease_seconds=0.8,
    renew_every_seconds=0.2,
    rpc_timeout_seconds=0.4,
    outage_seconds=2.0,
    safety_poll_seconds=0.5,
)
ELEVEN_MINUTES_US, SIXTEEN_MINUTES_US = 660_000_000, 960_000_000


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


def make(
    store: DocumentStore, sink: RecordingSink | None = None, timings: LockTimings | None = None
) -> DistributedLock:
    return DistributedLock("demo", store=store, timings=timings, events=EventLog([sink] if sink else []))


def plant(store: DocumentStore, key: str, **fields: Any) -> int:
    """A lock document of a holder that is gone."""
    content = {"holder_id": "gone", "operation_id": "crashed", "lock_key": key, "lease_seconds": 60.0, "token": 0}
    version = store.create(lock_document("grading", key), content | fields, timeout=5)
    assert version is not None
    return version


def test_hold_and_release(store: DocumentStore, sink: RecordingSink) -> None:
    lock = make(store, sink)
    with lock.acquire(DAY, "op-1") as lease:
        document = store.read(Key("grading_locks", "grading_2026-01-17"), timeout=5)
        assert document is not None
        assert (document.fields["holder_id"], document.fields["operation_id"]) == (lease.holder_id, "op-1")
        assert lease.token == document.version
        assert lease.held
        assert not lease.contended
        lease.ensure_held()
    assert lock.list_locks() == []
    assert sink.names == ["lock_acquired", "lock_released"]
    common = {
        "date": "2026-01-17",
        "lock_key": "2026-01-17",
        "lock_type": "grading",
        "holder_id": lease.holder_id,
        "operation_id": "op-1",
        "token": lease.token,
    }
    assert {**common, "contended": False}.items() <= sink["lock_acquired"].items()
    assert common.items() <= sink["lock_released"].items()
    assert isinstance(sink["lock_acquired"]["wait_ms"], int)
    assert isinstance(sink["lock_released"]["held_ms"], int)


def test_each_acquisition_has_its_own_holder_and_a_greater_token(store: DocumentStore) -> None:
    lock = make(store)
    leases = []
    for _ in range(3):
        with lock.acquire(DAY, "same operation") as lease:
            leases.append(lease)
    assert len({lease.holder_id for lease in leases}) == 3
    assert leases[0].token < leases[1].token < leases[2].token


def test_the_bodys_exception_is_never_masked(store: DocumentStore) -> None:
    with pytest.raises(ZeroDivisionError), make(store).acquire(DAY, "op"):
        raise ZeroDivisionError
    assert make(store).list_locks() == []


def test_the_bodys_exception_is_not_masked_by_a_lost_lease(store: DocumentStore) -> None:
    lock = make(store)
    with pytest.raises(ZeroDivisionError), lock.acquire(DAY, "op"):  # noqa: PT012
        lock.force_release(DAY, if_version=lock.list_locks()[0].version)
        raise ZeroDivisionError


def test_a_held_lock_is_refused_with_its_holder_and_leaves_no_ticket(store: DocumentStore, sink: RecordingSink) -> None:
    with make(store).acquire(DAY, "first") as lease:
        with pytest.raises(LockAcquisitionError) as caught, make(store, sink).acquire(DAY, "second", 0.3):
            pass
        assert caught.value.holder == f"{lease.holder_id} (first)"
        assert 0.3 <= caught.value.waited_seconds < 2
    assert sink.names == ["lock_waiting", "lock_failed"]
    assert sink["lock_waiting"]["held_by"] == lease.holder_id
    assert sink["lock_failed"]["reason"] == "timeout"
    assert sink["lock_failed"]["wait_ms"] >= 300
    assert list(store.versions(waiters(lock_document("grading", DAY)), timeout=5)) == []


@pytest.mark.parametrize("wait", [0.3, 5.0])
def test_every_listener_is_closed(store: DocumentStore, wait: float) -> None:
    """Whether the wait ended without the lock or with it."""
    plant(store, "2026-01-17", lease_seconds=0.6)
    with suppress(LockAcquisitionError), make(store).acquire(DAY, "op", wait):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "lock-watch"]


def test_a_wait_of_zero_tries_once(store: DocumentStore) -> None:
    with make(store).acquire(DAY, "first", 0):
        started = time.monotonic()
        with pytest.raises(LockAcquisitionError), make(store).acquire(DAY, "second", 0):
            pass
        assert time.monotonic() - started < 1


def test_the_wait_ends_at_the_deadline(store: DocumentStore) -> None:
    with make(store).acquire(DAY, "first"):
        deadline = Deadline.after(0.3, SystemClock())
        with pytest.raises(LockAcquisitionError) as caught, make(store).acquire(DAY, "2", 300, deadline=deadline):
            pass
        assert caught.value.waited_seconds < 2


def test_other_keys_and_types_are_other_locks(store: DocumentStore) -> None:
    with (
        make(store).acquire(DAY, "a", 0),
        make(store).acquire(date(2026, 1, 18), "b", 0),
        DistributedLock("demo", "publish", store=store).acquire("prediction_accuracy", "c", 0),
        ConsolidationLock("demo", store=store).acquire(DAY, "d", 0) as lease,
    ):
        assert lease.key == Key("consolidation_locks", "consolidation_2026-01-17")
        assert [str(lock.key) for lock in DistributedLock("demo", "publish", store=store).list_locks()] == [
            "publish_locks/publish_prediction_accuracy"
        ]
        assert len(make(store).list_locks()) == 2


@pytest.mark.parametrize(("lock_type", "lock_key"), [("a/b", "k"), ("", "k"), ("grading", "a/b"), ("grading", "")])
def test_names_that_would_lead_elsewhere_are_refused(store: DocumentStore, lock_type: str, lock_key: str) -> None:
    with (
        pytest.raises(InvalidSettings, match="not a lock"),
        DistributedLock("demo", lock_type, store=store).acquire(lock_key, "op"),
    ):
        pass


def test_an_expired_lock_is_taken_over_at_once(store: DocumentStore, sink: RecordingSink) -> None:
    old = plant(store, "2026-01-17", lease_seconds=0.1)
    time.sleep(0.15)
    with make(store, sink).acquire(DAY, "next", 0) as lease:
        assert lease.token > old
        assert lease.taken_from is not None
        assert (lease.taken_from.holder_id, lease.taken_from.operation_id) == ("gone", "crashed")
        lease.ensure_held()
    assert sink.names == ["lock_taken_over", "lock_acquired", "lock_released"]
    assert sink["lock_taken_over"]["taken_from"] == "gone"


def test_a_removed_lock_is_noticed_by_the_next_renewal_and_not_released(
    store: DocumentStore, sink: RecordingSink
) -> None:
    lock = make(store, sink, SHORT)
    with lock.acquire(DAY, "op") as lease:
        assert lock.force_release(DAY, if_version=lock.list_locks()[0].version)
        deadline = time.monotonic() + 5
        while lease.held and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(LeaseLost, match="it was removed"):
            lease.ensure_held()
    assert sink.names == ["lock_acquired", "stuck_lock_removed", "lock_lost"]


def test_a_renewed_lock_keeps_token_and_says_so_to_others(store: DocumentStore) -> None:
    lock = make(store, timings=SHORT)
    with lock.acquire(DAY, "op") as lease:
        time.sleep(1.0)
        (status,) = lock.list_locks()
        assert status.token == lease.token
        assert status.version > lease.token
        assert status.held_seconds >= 1.0
        assert status.heartbeat_age_seconds < status.held_seconds
        assert status.state == "live"


def test_force_release_removes_only_the_version_that_was_shown(store: DocumentStore) -> None:
    lock = make(store)
    with lock.acquire(DAY, "op") as lease:
        (shown,) = lock.list_locks()
        assert not lock.force_release(DAY, if_version=shown.version - 1)
        lease.ensure_held()
        assert lock.force_release(DAY, if_version=shown.version)
        assert not lock.force_release(DAY, if_version=shown.version)


def test_list_shows_a_live_an_expired_and_a_stuck_lock(store: DocumentStore) -> None:
    plant(store, "2026-01-15", lease_seconds=0.05)
    stuck = plant(store, "2026-01-16")
    key = lock_document("grading", "2026-01-16")
    fields = {"holder_id": "hung", "lock_key": "2026-01-16", "lease_seconds": 60.0, "token": stuck - ELEVEN_MINUTES_US}
    store.replace(key, fields, if_version=stuck, timeout=5)
    with make(store).acquire(DAY, "op"):
        time.sleep(0.1)
        states = {lock.lock_key: lock.state for lock in make(store).list_locks()}
    assert states == {"2026-01-15": "expired", "2026-01-16": "stuck", "2026-01-17": "live"}


def test_the_sweeper_reports_after_10_minutes_and_removes_silent_ones_after_15(store: DocumentStore) -> None:
    """Held for: a moment; 11 min; 16 min, renewing; 16 min, silent."""
    for day, held_us, lease in [(13, 0, 0.01), (14, ELEVEN_MINUTES_US, 0.01), (15, SIXTEEN_MINUTES_US, 60.0)]:
        version = plant(store, f"2026-01-{day}", lease_seconds=lease)
        key = lock_document("grading", f"2026-01-{day}")
        fields = {"holder_id": "h", "lock_key": str(day), "lease_seconds": lease, "token": version - held_us}
        store.replace(key, fields, if_version=version, timeout=5)
    version = plant(store, "2026-01-16")
    key = lock_document("grading", "2026-01-16")
    fields = {"holder_id": "h", "lock_key": "16", "lease_seconds": 0.01, "token": version - SIXTEEN_MINUTES_US}
    store.replace(key, fields, if_version=version, timeout=5)
    time.sleep(0.05)
    sink = RecordingSink()
    found = check_for_stuck_locks(store, ["grading", "publish"], events=EventLog([sink]))
    assert [(each.lock.lock_key, each.removed) for each in found] == [("14", False), ("15", False), ("16", True)]
    assert sink.names == ["stuck_lock_found", "stuck_lock_found", "stuck_lock_removed"]
    assert len(make(store).list_locks()) == 3
