"""Each call's answer lost once, or the call itself: no lock is lost to oneself, and none leaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.errors import LockAcquisitionError, LockStoreUnavailable
from foundation.events import EventLog
from locking import DistributedLock, LockTimings
from locking.line import waiters
from locking.lock import lock_document
from locking.sqlite_store import SQLiteLockStore
from locking.store import StoreContended, StoreUnanswered
from tests.fakes import RecordingSink

SHORT = LockTimings(
    lease_seconds=0.8,
    renew_every_seconds=0.2,
    rpc_timeout_seconds=0.4,
    outage_seconds=0.9,
    safety_poll_seconds=0.2,
)


class Lossy:
    """A store that loses answers: of the named calls, in their order."""

    def __init__(self, inner: SQLiteLockStore) -> None:
        self._inner = inner
        self.plan: list[tuple[str, str]] = []
        self.always: dict[str, Exception] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if name in self.always:
                raise self.always[name]
            fault = None
            if self.plan and self.plan[0][0] == name:
                fault = self.plan.pop(0)[1]
            if fault == "contended":
                raise StoreContended("ABORTED")
            answer = None if fault == "lost call" else method(*args, **kwargs)
            if fault is not None:
                raise StoreUnanswered(fault)
            return answer

        return call


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[SQLiteLockStore]:
    store = SQLiteLockStore(tmp_path / "locks.db")
    yield store
    store.close()


@pytest.fixture
def lossy(inner: SQLiteLockStore) -> Lossy:
    return Lossy(inner)


def make(store: Any, sink: RecordingSink | None = None) -> DistributedLock:
    return DistributedLock("demo", store=store, timings=SHORT, events=EventLog([sink] if sink else []))


@pytest.mark.parametrize("fault", ["lost call", "lost answer", "contended"])
@pytest.mark.parametrize("times", [1, 2])
def test_acquiring(lossy: Lossy, inner: SQLiteLockStore, fault: str, times: int) -> None:
    lossy.plan = [("create", fault)] * times
    with make(lossy).acquire("k", "op", 5) as lease:
        lease.ensure_held()
        assert not lease.contended
        (held,) = make(inner).list_locks()
        assert (held.holder_id, held.version) == (lease.holder_id, lease.token)
    assert make(inner).list_locks() == []


@pytest.mark.parametrize("fault", ["lost call", "lost answer", "contended"])
def test_reading_after_a_lost_create(lossy: Lossy, inner: SQLiteLockStore, fault: str) -> None:
    lossy.plan = [("create", "lost answer"), ("read", fault)]
    with make(lossy).acquire("k", "op", 5) as lease:
        lease.ensure_held()
    assert make(inner).list_locks() == []


@pytest.mark.parametrize("fault", ["lost call", "lost answer", "contended"])
def test_taking_over(lossy: Lossy, inner: SQLiteLockStore, fault: str) -> None:
    inner.create(lock_document("grading", "k"), {"holder_id": "gone", "lease_seconds": 0.01}, timeout=1)
    time.sleep(0.02)
    lossy.plan = [("replace", fault)]
    with make(lossy).acquire("k", "op", 5) as lease:
        lease.ensure_held()
        (held,) = make(inner).list_locks()
        assert (held.holder_id, held.token) == (lease.holder_id, lease.token)
    assert lossy.plan == []


@pytest.mark.parametrize("fault", ["lost call", "lost answer", "contended"])
@pytest.mark.parametrize("times", [1, 3])
def test_renewing(lossy: Lossy, inner: SQLiteLockStore, fault: str, times: int) -> None:
    sink = RecordingSink()
    with make(lossy, sink).acquire("k", "op") as lease:
        lossy.plan = [("replace", fault)] * times
        time.sleep(SHORT.lease_seconds * 1.5)
        lease.ensure_held()
        assert lossy.plan == []
        with pytest.raises(LockAcquisitionError), make(inner).acquire("k", "rival", 0):
            pass
    assert sink.names == ["lock_acquired", "lock_released"]


@pytest.mark.parametrize("fault", ["lost call", "lost answer", "contended"])
@pytest.mark.parametrize("times", [1, 2])
def test_releasing(lossy: Lossy, inner: SQLiteLockStore, fault: str, times: int) -> None:
    sink = RecordingSink()
    with make(lossy, sink).acquire("k", "op"):
        lossy.plan = [("delete", fault)] * times
    assert sink.names == ["lock_acquired", "lock_released"]
    assert make(inner).list_locks() == []


def test_releasing_right_after_a_renewal_whose_answer_was_lost(lossy: Lossy, inner: SQLiteLockStore) -> None:
    """The version is not the one that the holder knows, but the holder is: adopted, and released."""
    sink = RecordingSink()
    timings = LockTimings(lease_seconds=30, renew_every_seconds=2, rpc_timeout_seconds=1)
    with DistributedLock("demo", store=lossy, timings=timings, events=EventLog([sink])).acquire("k", "op"):
        lossy.plan = [("replace", "lost answer")]
        while lossy.plan:
            time.sleep(0.01)
    assert sink.names == ["lock_acquired", "lock_released"]
    assert make(inner).list_locks() == []


def test_a_release_whose_answer_was_lost_leaves_the_next_holder_alone(lossy: Lossy, inner: SQLiteLockStore) -> None:
    """The delete was carried out, its answer lost; by the time of the repeat someone else holds the lock."""
    context = make(lossy).acquire("k", "op")
    context.__enter__()
    lossy.plan = [("delete", "lost answer")]
    delete = inner.delete

    def delete_then_successor(*args: Any, **kwargs: Any) -> bool:
        done = delete(*args, **kwargs)
        if done:
            inner.create(lock_document("grading", "k"), {"holder_id": "successor"}, timeout=1)
        return done

    inner.delete = delete_then_successor  # type: ignore[method-assign]
    context.__exit__(None, None, None)
    (held,) = make(inner).list_locks()
    assert held.holder_id == "successor"


def test_a_store_that_never_answers_is_unavailable_soon(lossy: Lossy) -> None:
    lossy.always = {"create": StoreUnanswered("black hole"), "read": StoreUnanswered("black hole")}
    started = time.monotonic()
    with pytest.raises(LockStoreUnavailable, match="black hole"), make(lossy).acquire("k", "op", 300):
        pass
    assert time.monotonic() - started < SHORT.outage_seconds + 1


def test_a_refusal_for_good_is_not_repeated(lossy: Lossy) -> None:
    lossy.always = {"create": LockStoreUnavailable("PERMISSION_DENIED")}
    with pytest.raises(LockStoreUnavailable, match="PERMISSION_DENIED"), make(lossy).acquire("k", "op", 300):
        pass
    assert lossy.calls == ["create"]


def test_a_store_that_dies_before_the_release_masks_nothing(lossy: Lossy) -> None:
    sink = RecordingSink()
    with pytest.raises(ZeroDivisionError), make(lossy, sink).acquire("k", "op"):  # noqa: PT012
        lossy.always = {"delete": StoreUnanswered("gone"), "replace": StoreUnanswered("gone")}
        raise ZeroDivisionError
    assert sink.names == ["lock_acquired", "lock_left"]


@pytest.mark.parametrize("broken", ["versions", "watch"])
def test_without_the_line_a_waiter_polls(lossy: Lossy, inner: SQLiteLockStore, broken: str) -> None:
    """The line is a convenience; each part of it may fail for the whole wait."""
    lossy.always = {broken: StoreUnanswered("no line")}
    inner.create(lock_document("grading", "k"), {"holder_id": "gone", "lease_seconds": 0.5}, timeout=1)
    with make(lossy).acquire("k", "op", 5) as lease:
        assert lease.taken_from is not None


def test_a_waiter_that_gives_up_takes_its_ticket_along(lossy: Lossy, inner: SQLiteLockStore) -> None:
    with make(inner).acquire("k", "first"), pytest.raises(LockAcquisitionError), make(lossy).acquire("k", "op", 0.3):
        pass
    assert "versions" in lossy.calls
    assert list(inner.versions(waiters(lock_document("grading", "k")), timeout=1)) == []
