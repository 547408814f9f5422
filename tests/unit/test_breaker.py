"""The circuit breaker when its store fails, and its guards one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import SystemClock
from foundation.errors import CircuitOpen
from foundation.events import EventLog
from grading.breaker import COLLECTION, GradingCircuitBreaker
from locking.sqlite_store import SQLiteLockStore
from locking.store import Key
from tests.fakes import RecordingSink
from tests.unit.faulty_store import Fault, FaultyStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FaultyStore]:
    sqlite = SQLiteLockStore(tmp_path / "state.sqlite3")
    yield FaultyStore(sqlite)
    sqlite.close()


@pytest.fixture
def recorded() -> RecordingSink:
    return RecordingSink()


def breaker(store: FaultyStore, recorded: RecordingSink, **options: Any) -> GradingCircuitBreaker:
    return GradingCircuitBreaker(store, "p", EventLog([recorded]), SystemClock(), **options)  # type: ignore[arg-type]


def state(store: FaultyStore) -> object:
    document = store.read(Key(COLLECTION, "p"), timeout=5)
    return document and document.fields["state"]


def opened(store: FaultyStore, recorded: RecordingSink, **options: Any) -> GradingCircuitBreaker:
    guard = breaker(store, recorded, **options)
    for _ in range(3):
        guard.record_failure("BigQuery gave no answer")
    return guard


@pytest.mark.parametrize("fault", ["down", "lost before", "contended"])
def test_a_dead_store_never_blocks_work(store: FaultyStore, recorded: RecordingSink, fault: Fault) -> None:
    """Not even if the breaker was open when the store died."""
    opened(store, recorded)
    store.always = fault
    guard = breaker(store, recorded)
    for _ in range(5):
        guard.before_call()
        assert guard.record_failure() is None
        assert guard.record_success() is None
    assert "breaker_unavailable" in recorded.names


def test_opening_is_one_event_that_names_the_last_error(store: FaultyStore, recorded: RecordingSink) -> None:
    opened(store, recorded)
    (event,) = [event for event in recorded.events if event.name == "breaker_opened"]
    assert event.severity == "CRITICAL"
    assert event.fields["processor"] == "p"
    assert event.fields["error"] == "BigQuery gave no answer"


@pytest.mark.parametrize("method", ["create", "replace"])
def test_a_lost_answer_counts_once(store: FaultyStore, recorded: RecordingSink, method: str) -> None:
    """The write that was carried out is recognised as ours by reading: it is neither repeated nor lost."""
    guard = breaker(store, recorded)
    store.plan(method, "lost after")
    assert [guard.record_failure() for _ in range(3)] == [None, None, "opened"]


def test_an_opening_whose_answer_was_lost_is_still_told(store: FaultyStore, recorded: RecordingSink) -> None:
    guard = breaker(store, recorded)
    guard.record_failure()
    guard.record_failure()
    store.plan("replace", "lost after")
    assert guard.record_failure() == "opened"


@pytest.mark.parametrize("fault", ["lost before", "contended"])
def test_a_write_that_was_not_carried_out_is_repeated(
    store: FaultyStore, recorded: RecordingSink, fault: Fault
) -> None:
    guard = breaker(store, recorded)
    store.plan("create", fault)
    assert [guard.record_failure() for _ in range(3)] == [None, None, "opened"]


def test_a_closing_whose_answer_was_lost_is_still_told(store: FaultyStore, recorded: RecordingSink) -> None:
    guard = opened(store, recorded, cool_down_seconds=1e-9)
    guard.before_call()
    store.plan("replace", "contended", "lost after")
    assert guard.record_success() == "closed"
    assert state(store) == "closed"


def test_of_two_that_read_the_same_state_one_probes(store: FaultyStore, recorded: RecordingSink) -> None:
    """The second comes in between the first one's read and its write: the write must not succeed."""
    first = opened(store, recorded, cool_down_seconds=1e-9)
    second = breaker(store, recorded, cool_down_seconds=1e-9)
    inner_replace = store._store.replace

    def overtaken(*arguments: Any, **named: Any) -> Any:
        store._store.replace = inner_replace  # type: ignore[method-assign]
        second.before_call()
        return inner_replace(*arguments, **named)

    store._store.replace = overtaken  # type: ignore[method-assign]
    with pytest.raises(CircuitOpen, match="is being probed by another run"):
        first.before_call()
    assert second.record_success() == "closed"


def test_the_events_of_a_whole_cycle(store: FaultyStore, recorded: RecordingSink) -> None:
    guard = opened(store, recorded, cool_down_seconds=1e-9)
    guard.before_call()
    guard.record_failure()
    guard.before_call()
    guard.record_success()
    assert recorded.names == [
        "breaker_opened",
        "breaker_half_open",
        "breaker_reopened",
        "breaker_half_open",
        "breaker_closed",
    ]


def test_an_untroubled_call_costs_two_reads(store: FaultyStore, recorded: RecordingSink) -> None:
    guard = breaker(store, recorded)
    guard.before_call()
    guard.record_success()
    assert store.calls == ["read", "read"]


@pytest.mark.parametrize("options", [{"threshold": 0}, {"cool_down_seconds": 0}, {"probe_seconds": 0}])
def test_unsafe_settings_are_refused(store: FaultyStore, recorded: RecordingSink, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a breaker needs"):
        breaker(store, recorded, **options)
