"""A lock store that cannot be opened is an outage like any other: the run goes on without its lock, and says so."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.exceptions import DefaultCredentialsError

from foundation.clock import Deadline, SystemClock
from foundation.errors import LockStoreUnavailable
from foundation.events import Event
from grading.hold import NotHeld
from grading.processors import GRADING
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from locking.firestore.wire import is_answer, translate
from locking.late_store import LateLockStore
from locking.line import Line
from locking.sqlite_store import SQLiteLockStore
from locking.status import Claim
from locking.store import Key
from locking.timings import LockTimings

KEY = Key("grading_locks", "grading_2024-01-15")


class Sink:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


def not_a_database(path: Path) -> Path:
    path.write_bytes(b"this is no database, and long enough to be told from one" * 100)
    return path


@pytest.mark.parametrize("kind", ["no directory", "a directory", "no database"])
def test_grading_goes_on_without_the_lock_if_sqlite_cannot_be_opened(tmp_path: Path, kind: str) -> None:
    path = {
        "no directory": lambda: tmp_path / "missing" / "locks.sqlite3",
        "a directory": lambda: tmp_path,
        "no database": lambda: not_a_database(tmp_path / "locks.sqlite3"),
    }[kind]()
    settings = Settings(google_cloud_project="project", lock_store="sqlite", lock_sqlite_path=str(path))
    sink = Sink()
    application = Application(settings, sinks=(sink,))
    deadline = Deadline.after(200, application.clock)
    request = Request(date=date(2024, 1, 15))
    with application.locker.hold(GRADING, request, deadline, application.events) as hold:
        assert (hold.locked, hold.failure) == (False, NotHeld.UNAVAILABLE)
    assert "lock_unavailable" in [event.name for event in sink.events]
    assert application.notifier is not None
    application.breaker("p").before_call()


@contextmanager
def no_room_on_disk() -> Iterator[None]:
    """No file of this process can grow: what a full disk answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("opened_before", [False, True])
def test_grading_goes_on_without_the_lock_if_the_disk_is_full(tmp_path: Path, opened_before: bool) -> None:
    path = str(tmp_path / "locks.sqlite3")
    settings = Settings(google_cloud_project="project", lock_store="sqlite", lock_sqlite_path=path)
    sink = Sink()
    application = Application(settings, sinks=(sink,))
    request = Request(date=date(2024, 1, 15))
    if opened_before:
        deadline = Deadline.after(200, application.clock)
        with application.locker.hold(GRADING, request, deadline, application.events) as hold:
            assert hold.locked
    with no_room_on_disk():
        deadline = Deadline.after(200, application.clock)
        with application.locker.hold(GRADING, request, deadline, application.events) as hold:
            assert (hold.locked, hold.failure) == (False, NotHeld.UNAVAILABLE)
    assert "lock_unavailable" in [event.name for event in sink.events]


def test_grading_goes_on_without_the_lock_if_firestore_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise DefaultCredentialsError("Your default credentials were not found")

    monkeypatch.setattr("google.cloud.firestore.Client", refuse)
    application = Application(Settings(google_cloud_project="project"), sinks=())
    deadline = Deadline.after(200, application.clock)
    with application.locker.hold(GRADING, Request(date=date(2024, 1, 15)), deadline, application.events) as hold:
        assert hold.failure is NotHeld.UNAVAILABLE
        assert "default credentials" in hold.detail


def test_a_store_that_can_be_opened_later_is_used_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locking.late_store._AGAIN_AFTER_SECONDS", 0.0)
    path = tmp_path / "later" / "locks.sqlite3"
    store = LateLockStore(lambda: SQLiteLockStore(path), SystemClock())
    with pytest.raises(LockStoreUnavailable, match="cannot be opened"):
        store.read(KEY, timeout=1)
    path.parent.mkdir()
    assert store.create(KEY, {}, timeout=1) is not None
    store.close()


class _Rpc(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code, self.details = lambda: code, lambda: text  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (grpc.StatusCode.NOT_FOUND, "The database (default) does not exist for project nba-grading"),
        (
            grpc.StatusCode.FAILED_PRECONDITION,
            "The Cloud Firestore API is not available for Firestore in Datastore Mode",
        ),
    ],
)
def test_a_database_that_is_missing_is_no_answer_about_a_document(code: grpc.StatusCode, text: str) -> None:
    """Taken for one, each replace and delete would say that someone else holds the lock."""
    error = _Rpc(code, text)
    assert not is_answer(error)
    assert type(translate(error)) is LockStoreUnavailable


def test_a_listener_that_breaks_wakes_its_waiter(tmp_path: Path) -> None:
    """It does not sleep until its next poll, which can be 10 s away."""
    broken: list[Any] = []

    class Breaking(SQLiteLockStore):
        def watch(self, keys: Any, on_change: Any, on_broken: Any = lambda: None) -> Any:
            broken.append(on_broken)
            return super().watch(keys, on_change, on_broken)

    store = Breaking(tmp_path / "locks.sqlite3")
    claim = Claim(key=KEY, lock_type="grading", lock_key="x", holder_id="h", operation_id="o", lease_seconds=60)
    store.create(KEY, {"holder_id": "other"}, timeout=5)
    line = Line(store, claim, LockTimings(), SystemClock())
    line.join(timeout=5)
    threading.Timer(0.05, broken[0]).start()
    assert line.wait(20) == "poll"
    assert not line.listening
    line.leave(timeout=5)
    store.close()


def test_a_clock_counts_the_time_that_the_machine_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that ran out during the sleep has run out."""
    monkeypatch.setattr("foundation.clock._BOOTTIME", 7)
    monkeypatch.setattr("time.clock_gettime", lambda number: {7: 1234.5}[number])
    assert SystemClock().monotonic() == 1234.5
    monkeypatch.setattr("foundation.clock._BOOTTIME", None)
    monkeypatch.setattr("time.monotonic", lambda: 9.5)
    assert SystemClock().monotonic() == 9.5
