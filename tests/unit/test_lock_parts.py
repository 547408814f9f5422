"""Parts of the lock on their own: reminders, the Firestore listener's reading of its stream, SQLite's corners."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.types import ListenResponse, TargetChange

from foundation.clock import SystemClock
from foundation.errors import LeaseLost, LockStoreUnavailable
from locking import DistributedLock, check_for_stuck_locks
from locking.firestore.watch import FirestoreWatch
from locking.reminders import Reminders
from locking.sqlite_store import SQLiteLockStore
from locking.store import Key, StoreUnanswered

KEY = Key("grading_locks", "k")
TICKET = Key("grading_locks/k/grading_waiters", "t")
Change = TargetChange.TargetChangeType


def test_reminders_come_in_time_order_and_not_after_a_cancel() -> None:
    reminders, heard = Reminders(), SimpleQueue[str]()
    reminders.after(0.06, lambda: heard.put("second"))
    reminders.after(0.03, lambda: heard.put("first"))
    reminders.after(0.04, lambda: heard.put("cancelled")).cancel()
    assert [heard.get(timeout=5), heard.get(timeout=5)] == ["first", "second"]
    assert heard.empty()


def test_reminders_share_one_thread() -> None:
    before = threading.active_count()
    reminders = Reminders()
    for _ in range(50):
        reminders.after(60, lambda: None)
    assert threading.active_count() == before + 1


def test_importing_the_lock_loads_no_google_client() -> None:
    """A command line that never locks must not wait a second for it."""
    code = "import locking, sys; print([name for name in sys.modules if name.startswith(('google.cloud.', 'grpc'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Stream:
    """A Listen stream from a list of responses; then it waits to be cancelled, or breaks."""

    def __init__(self, responses: list[Any], *, breaks: bool) -> None:
        self._responses = responses
        self._breaks = breaks
        self._cancelled = threading.Event()

    def __iter__(self) -> Any:
        yield from (response._pb for response in self._responses)
        if not self._breaks:
            self._cancelled.wait(10)
        raise grpc.RpcError

    def cancel(self) -> None:
        self._cancelled.set()


class Wire:
    database = "projects/p/databases/d"

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def name(self, key: Key) -> str:
        return f"{self.database}/documents/{key.collection}/{key.document_id}"

    def listen(self, requests: Any) -> Stream:
        next(requests)
        return self._stream


def listen(*responses: dict[str, Any], breaks: bool = False) -> tuple[FirestoreWatch, SimpleQueue[tuple[Key, bool]]]:
    heard = SimpleQueue[tuple[Key, bool]]()
    stream = Stream([ListenResponse(response) for response in responses], breaks=breaks)
    wire: Any = Wire(stream)
    return FirestoreWatch(wire, [KEY, TICKET], lambda key, exists: heard.put((key, exists))), heard


def change(kind: Any) -> dict[str, Any]:
    return {"target_change": {"target_change_type": kind, "target_ids": [1]}}


def exists(key: Key) -> dict[str, Any]:
    return {"document_change": {"document": {"name": Wire(Stream([], breaks=True)).name(key)}}}


def test_a_document_that_the_server_never_mentions_is_told_as_absent() -> None:
    watch, heard = listen(change(Change.ADD), exists(KEY), change(Change.CURRENT), change(Change.NO_CHANGE))
    assert [heard.get(timeout=5), heard.get(timeout=5)] == [(KEY, True), (TICKET, False)]
    assert watch.alive
    watch.close()
    assert not watch.alive


@pytest.mark.parametrize("kind", ["document_delete", "document_remove"])
def test_a_deleted_or_removed_document_is_told_as_absent(kind: str) -> None:
    name = Wire(Stream([], breaks=True)).name(KEY)
    watch, heard = listen(exists(KEY), {kind: {"document": name}})
    assert [heard.get(timeout=5), heard.get(timeout=5)] == [(KEY, True), (KEY, False)]
    watch.close()


@pytest.mark.parametrize(
    "last", [change(Change.REMOVE), change(Change.RESET), {"filter": {"target_id": 1, "count": 0}}]
)
def test_a_stream_that_may_have_missed_something_ends(last: dict[str, Any]) -> None:
    """`alive` turns False, and the waiter polls and listens anew."""
    watch, _ = listen(exists(KEY), last)
    assert_ends(watch)


def test_a_broken_stream_ends_quietly() -> None:
    watch, _ = listen(exists(KEY), breaks=True)
    assert_ends(watch)


def assert_ends(watch: FirestoreWatch) -> None:
    deadline = time.monotonic() + 5
    while watch.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not watch.alive
    watch.close()


def test_sqlite_held_by_another_writer_is_unanswered_within_the_timeout(tmp_path: Path) -> None:
    store, other = SQLiteLockStore(tmp_path / "l.db"), SQLiteLockStore(tmp_path / "l.db")
    with other._transaction(1.0):
        started = time.monotonic()
        with pytest.raises(StoreUnanswered, match="locked"):
            store.create(KEY, {}, timeout=0.2)
        assert time.monotonic() - started < 2
    assert store.create(KEY, {}, timeout=0.2) is not None
    store.close()
    other.close()


def test_sqlite_opened_anew_by_several_at_once_opens_for_all(tmp_path: Path) -> None:
    """SQLite itself refuses most of them: nothing waits for the one that makes the file."""
    together = threading.Barrier(4)

    def open_and_close(number: int) -> None:
        together.wait()
        SQLiteLockStore(tmp_path / f"{number // 4}.db").close()

    with ThreadPoolExecutor(4) as pool:
        opened = [pool.submit(open_and_close, number) for number in range(4 * 50)]
    assert not [why for each in opened if (why := each.exception())]


def test_sqlite_on_a_path_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(LockStoreUnavailable, match="unable to open"):
        SQLiteLockStore(tmp_path / "no such directory" / "l.db")


def test_sqlite_on_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "l.db").write_text("not a database " * 100)
    with pytest.raises(LockStoreUnavailable, match="not a database"):
        SQLiteLockStore(tmp_path / "l.db")


def test_sqlite_versions_grow_though_the_machines_clock_steps_back(tmp_path: Path, monkeypatch: Any) -> None:
    store = SQLiteLockStore(tmp_path / "l.db")
    first = store.create(KEY, {}, timeout=1)
    assert first is not None
    store.delete(KEY, if_version=first, timeout=1)
    monkeypatch.setattr("locking.sqlite_store.time.time_ns", lambda: 1)
    second = store.create(KEY, {}, timeout=1)
    assert second is not None
    assert second > first
    document = store.read(KEY, timeout=1)
    assert document is not None
    assert document.age_seconds >= 0
    store.close()


class JumpingClock(SystemClock):
    """A monotonic clock that a test moves forward, as a freeze of the process does."""

    jump = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.jump


def test_after_a_freeze_the_time_alone_tells_that_the_lease_has_run_out(tmp_path: Path) -> None:
    """Before the renewal has had a chance to look."""
    store, clock = SQLiteLockStore(tmp_path / "l.db"), JumpingClock()
    with DistributedLock("demo", store=store, clock=clock).acquire("k", "op") as lease:
        clock.jump = 59.0
        lease.ensure_held()
        clock.jump = 61.0
        with pytest.raises(LeaseLost, match="not renewed for 61"):
            lease.ensure_held()
    store.close()


def test_the_sweeper_spares_a_holder_that_renews_between_its_look_and_its_removal(tmp_path: Path) -> None:
    store = SQLiteLockStore(tmp_path / "l.db")
    version = store.create(KEY, {"holder_id": "h"}, timeout=1)
    assert version is not None
    silent = {"holder_id": "h", "lease_seconds": 0.001, "token": version - 3_600_000_000}
    seen = store.replace(KEY, silent, if_version=version, timeout=1)
    assert seen is not None
    time.sleep(0.01)
    delete = store.delete

    def renew_then_delete(key: Key, **kwargs: Any) -> bool:
        assert store.replace(key, {**silent, "heartbeat": 1}, if_version=seen, timeout=1)
        return delete(key, **kwargs)

    store.delete = renew_then_delete  # type: ignore[method-assign]
    (found,) = check_for_stuck_locks(store, ["grading"])
    assert not found.removed
    assert store.read(KEY, timeout=1) is not None
    store.close()
