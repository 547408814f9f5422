"""The circuit breaker on the real stores, across processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.clock import SystemClock
from foundation.errors import CircuitOpen
from foundation.events import EventLog
from grading.breaker import COLLECTION, GradingCircuitBreaker
from localdev.processes import wait_until
from locking.store import DocumentStore, Key
from tests.contract.state_processes import Commands, StoreRecipe, at_once, workers

COOL_DOWN = 0.3


def breaker(
    store: DocumentStore, processor: str = "p", cool_down: float = COOL_DOWN, probe: float = 60.0
) -> GradingCircuitBreaker:
    return GradingCircuitBreaker(
        store, processor, EventLog(), SystemClock(), cool_down_seconds=cool_down, probe_seconds=probe
    )


def refused(guard: GradingCircuitBreaker) -> bool:
    try:
        guard.before_call()
    except CircuitOpen:
        return True
    return False


def commands(recipe: StoreRecipe, cool_down: float) -> Commands:
    """What a process of these tests can do."""
    guards: dict[str, GradingCircuitBreaker] = {}
    store = recipe.open()

    def guard(processor: str) -> GradingCircuitBreaker:
        return guards.setdefault(processor, breaker(store, processor, cool_down))

    return {
        "enter": lambda processor: not refused(guard(processor)),
        "succeed": lambda processor: guard(processor).record_success(),
        "fail": lambda processor: guard(processor).record_failure("boom"),
    }


def test_it_opens_after_three_failures_in_a_row(store: DocumentStore) -> None:
    guard = breaker(store, cool_down=60)
    for expected in (None, None, "opened"):
        guard.before_call()
        assert guard.record_failure() == expected
    with pytest.raises(CircuitOpen, match=r"The circuit breaker of p is open; try again in \d+ s\."):
        guard.before_call()


def test_a_success_in_between_starts_the_count_anew(store: DocumentStore) -> None:
    guard = breaker(store)
    for outcome in ("fail", "fail", "succeed", "fail", "fail"):
        guard.before_call()
        assert (guard.record_success() if outcome == "succeed" else guard.record_failure()) is None
    assert not refused(guard)


def test_processors_do_not_open_each_others_breakers(store: DocumentStore) -> None:
    for _ in range(3):
        breaker(store, "one").record_failure()
    assert refused(breaker(store, "one"))
    assert not refused(breaker(store, "another"))


def test_a_failed_probe_opens_it_again_without_a_second_alert(store: DocumentStore) -> None:
    guard = breaker(store)
    for _ in range(3):
        guard.record_failure()
    assert wait_until(lambda: not refused(guard), timeout_seconds=10)
    assert guard.record_failure() is None
    assert refused(breaker(store, cool_down=60))
    assert wait_until(lambda: not refused(guard), timeout_seconds=10)
    assert guard.record_success() == "closed"
    assert not refused(guard)


def test_a_probe_that_dies_is_replaced_and_has_no_say_any_more(store: DocumentStore) -> None:
    """Its late success must not close a breaker that another probe is testing."""
    dead, next_one = breaker(store), breaker(store, probe=COOL_DOWN)
    for _ in range(3):
        dead.record_failure()
    assert wait_until(lambda: not refused(dead), timeout_seconds=10)
    assert wait_until(lambda: not refused(next_one), timeout_seconds=10)
    assert dead.record_success() is None
    assert refused(breaker(store))
    assert next_one.record_success() == "closed"


def test_what_began_before_the_opening_changes_nothing_after_it(store: DocumentStore) -> None:
    straggler = breaker(store, cool_down=60)
    straggler.before_call()
    for _ in range(3):
        breaker(store).record_failure()
    before = store.read(Key(COLLECTION, "p"), timeout=5)
    assert straggler.record_success() is None
    assert straggler.record_failure() is None
    after = store.read(Key(COLLECTION, "p"), timeout=5)
    assert before is not None
    assert after is not None
    assert before.version == after.version


def test_an_untroubled_call_writes_nothing(store: DocumentStore) -> None:
    guard = breaker(store)
    guard.before_call()
    assert guard.record_success() is None
    assert store.list(COLLECTION, timeout=5) == []


def test_processes_at_once_open_and_close_it_exactly_once(recipe: StoreRecipe) -> None:
    """Four processes fail together, then all want to be the probe: one opening, one probe, one closing."""
    with workers(4, commands, recipe, COOL_DOWN) as group:
        for round_number in range(5):
            processor = f"processor-{round_number}"
            told = [outcome for _ in range(3) for outcome in at_once(group, "fail", processor)]
            assert told.count("opened") == 1
            entered: list[bool] = []

            def one_enters(processor: str = processor, entered: list[bool] = entered) -> bool:
                entered[:] = at_once(group, "enter", processor)
                return any(entered)

            assert wait_until(one_enters, timeout_seconds=10)
            assert entered.count(True) == 1
            ended = [
                worker_outcome
                for worker, admitted in zip(group, entered, strict=True)
                if admitted
                for worker_outcome in at_once([worker], "succeed", processor)
            ]
            assert ended == ["closed"]
            assert all(at_once(group, "enter", processor))


def test_without_the_precondition_several_probe_at_once(tmp_path: Path) -> None:
    """The negative control of the test above: the same processes on a store that writes unconditionally."""
    recipe = StoreRecipe(sqlite_path=str(tmp_path / "state.sqlite3"), unconditional=True)
    with workers(4, commands, recipe, COOL_DOWN) as group:
        most = 0

        def one_enters() -> bool:
            nonlocal most
            most = max(most, at_once(group, "enter", "p").count(True))
            return most > 1

        for _ in range(3):
            at_once(group, "fail", "p")
        assert wait_until(one_enters, timeout_seconds=10)
