"""Alert suppression on the real stores, across processes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts import event_messages, messages
from alerts.alert import Alert
from alerts.suppression import COLLECTION, SuppressingNotifier
from foundation.clock import SystemClock
from foundation.events import EventLog
from localdev.processes import wait_until
from locking.store import DocumentStore
from tests.contract.state_processes import Commands, StoreRecipe, at_once, workers

TABLE = "prediction_accuracy"


class Inner:
    """Delivers into a list, unless told to fail."""

    def __init__(self) -> None:
        self.delivered: list[Alert] = []
        self.fails = False

    def send(self, alert: Alert) -> bool:
        if not self.fails:
            self.delivered.append(alert)
        return not self.fails

    @property
    def titles(self) -> list[str]:
        return [alert.title for alert in self.delivered]


def duplicates(count: int = 3, day: str = "2026-01-17", table: str = TABLE) -> Alert:
    return messages.duplicates_found(day, table=table, processor="p", duplicate_keys=count)


def suppressing(inner: Inner, store: DocumentStore, **timings: float) -> SuppressingNotifier:
    return SuppressingNotifier(inner, store, EventLog(), SystemClock(), environment="test", **timings)  # type: ignore[arg-type]


@pytest.fixture
def inner() -> Inner:
    return Inner()


def commands(recipe: StoreRecipe, claim_seconds: float) -> Commands:
    """What a process of these tests can do; each answers how many alerts it delivered."""
    inner, store = Inner(), recipe.open()
    notifier = suppressing(inner, store, claim_seconds=claim_seconds)

    def deliveries() -> int:
        count = len(inner.delivered)
        inner.delivered.clear()
        return count

    def send(count: int, day: str) -> int:
        assert notifier.send(duplicates(count, day))
        return deliveries()

    def resolve(day: str) -> int:
        notifier.resolve("duplicates", TABLE, day)
        return deliveries()

    def send_and_hang(day: str) -> None:
        inner.send = lambda alert: time.sleep(600) or True  # type: ignore[func-returns-value,method-assign]
        notifier.send(duplicates(3, day))

    return {"send": send, "resolve": resolve, "send_and_hang": send_and_hang}


def test_the_same_duplicates_are_told_once_over_ten_runs(store: DocumentStore, inner: Inner) -> None:
    """Then again when the count changes, once; and once that they are gone."""
    for _ in range(10):
        assert suppressing(inner, store).send(duplicates(3))
    assert len(inner.delivered) == 1
    for _ in range(3):
        assert suppressing(inner, store).send(duplicates(5))
    assert len(inner.delivered) == 2
    results = [suppressing(inner, store).resolve("duplicates", TABLE, "2026-01-17") for _ in range(3)]
    assert results == [True, False, False]
    assert inner.titles[2:] == [f"Resolved: duplicates of {TABLE} on 2026-01-17"]
    suppressing(inner, store).send(duplicates(5))
    assert len(inner.delivered) == 4, "after its end, it is news again"


def test_a_changed_severity_is_told(store: DocumentStore, inner: Inner) -> None:
    def failed(transient: bool) -> Alert:
        return messages.processor_failed("2026-01-17", processor="p", table=TABLE, error="e", transient=transient)

    notifier = suppressing(inner, store)
    for alert in (failed(True), failed(True), failed(False)):
        notifier.send(alert)
    assert [alert.severity for alert in inner.delivered] == ["WARNING", "CRITICAL"]


def test_dates_tables_checks_environments_and_subjects_do_not_silence_each_other(
    store: DocumentStore, inner: Inner
) -> None:
    notifier = suppressing(inner, store)
    production = SuppressingNotifier(inner, store, EventLog(), SystemClock(), environment="production")
    sent = [
        notifier.send(duplicates()),
        notifier.send(duplicates(day="2026-01-18")),
        notifier.send(duplicates(table="other")),
        notifier.send(messages.lock_failure("2026-01-17", lock_type="grading", reason="timeout", table=TABLE)),
        notifier.send(event_messages.invalid_message("bad date a/../b")),
        notifier.send(event_messages.invalid_message("bad date a_.._b")),
        notifier.send(event_messages.invalid_message("bad date " + "é" * 3000)),
        production.send(duplicates()),
    ]
    assert all(sent)
    assert len(inner.delivered) == len(sent)


def test_news_is_told_each_time_and_leaves_no_state(store: DocumentStore, inner: Inner) -> None:
    notifier = suppressing(inner, store)
    for _ in range(3):
        notifier.send(messages.resolved("duplicates", table=TABLE, date="2026-01-17"))
    assert len(inner.delivered) == 3
    assert store.list(COLLECTION, timeout=5) == []


def test_a_failed_delivery_is_not_remembered(store: DocumentStore, inner: Inner) -> None:
    notifier = suppressing(inner, store)
    inner.fails = True
    assert not notifier.send(duplicates())
    inner.fails = False
    assert notifier.send(duplicates())
    assert len(inner.delivered) == 1


def test_a_failed_repetition_is_owed(store: DocumentStore, inner: Inner) -> None:
    """The interval is over, Slack is down: the next run tells it, a day later would be too late."""
    assert suppressing(inner, store).send(duplicates())
    inner.fails = True
    assert not suppressing(inner, store, interval_seconds=0).send(duplicates())
    inner.fails = False
    assert suppressing(inner, store).send(duplicates())
    assert len(inner.delivered) == 2
    assert suppressing(inner, store).send(duplicates())
    assert len(inner.delivered) == 2


def test_what_was_told_before_a_failed_change_is_still_resolved(store: DocumentStore, inner: Inner) -> None:
    notifier = suppressing(inner, store)
    notifier.send(duplicates(3))
    inner.fails = True
    notifier.send(duplicates(5))
    inner.fails = False
    assert notifier.resolve("duplicates", TABLE, "2026-01-17")


def test_a_failed_end_is_told_by_the_next_check(store: DocumentStore, inner: Inner) -> None:
    notifier = suppressing(inner, store)
    notifier.send(duplicates())
    inner.fails = True
    assert not notifier.resolve("duplicates", TABLE, "2026-01-17")
    inner.fails = False
    assert notifier.resolve("duplicates", TABLE, "2026-01-17")
    assert len(inner.delivered) == 2


def test_an_alert_that_was_never_delivered_has_no_end_to_tell(store: DocumentStore, inner: Inner) -> None:
    notifier = suppressing(inner, store)
    inner.fails = True
    notifier.send(duplicates())
    inner.fails = False
    assert not notifier.resolve("duplicates", TABLE, "2026-01-17")
    assert inner.delivered == []


def test_the_interval_is_judged_by_the_servers_clock(store: DocumentStore, inner: Inner) -> None:
    """A process whose clock is a year ahead does not repeat; one past the interval does."""

    class AYearAhead(SystemClock):
        def now(self) -> datetime:
            return datetime(2099, 1, 1, tzinfo=UTC)

    SuppressingNotifier(inner, store, EventLog(), AYearAhead(), environment="test").send(duplicates())
    SuppressingNotifier(inner, store, EventLog(), AYearAhead(), environment="test").send(duplicates())
    suppressing(inner, store).send(duplicates())
    assert len(inner.delivered) == 1
    repeating = suppressing(inner, store, interval_seconds=0.3)
    assert wait_until(lambda: repeating.send(duplicates()) and len(inner.delivered) == 2, timeout_seconds=10)


def test_processes_at_once_tell_each_state_once(recipe: StoreRecipe) -> None:
    with workers(4, commands, recipe, 60.0) as group:
        for day in (f"2026-01-{number:02}" for number in range(1, 9)):
            assert sum(at_once(group, "send", 3, day)) == 1
            assert sum(at_once(group, "send", 5, day)) == 1
            assert sum(at_once(group, "resolve", day)) == 1


def test_without_the_precondition_one_state_is_told_several_times(tmp_path: Path) -> None:
    """The negative control of the test above: the same processes on a store that writes unconditionally."""
    recipe = StoreRecipe(sqlite_path=str(tmp_path / "state.sqlite3"), unconditional=True)
    with workers(4, commands, recipe, 60.0) as group:
        days = [f"2026-01-{number:02}" for number in range(1, 9)]
        assert any(sum(at_once(group, "send", 3, day)) > 1 for day in days)


def test_a_process_killed_while_it_tells_silences_nobody(
    recipe: StoreRecipe, store: DocumentStore, inner: Inner
) -> None:
    """Its claim is void after a while, and the next run tells."""
    with workers(1, commands, recipe, 60.0) as (killed,):
        killed.ask("send_and_hang", "2026-01-17")
        assert wait_until(lambda: len(store.list(COLLECTION, timeout=5)) == 1, timeout_seconds=10)
    assert suppressing(inner, store, claim_seconds=60).send(duplicates())
    assert inner.delivered == [], "the claim may still be alive"
    later = suppressing(inner, store, claim_seconds=0.3)
    assert wait_until(lambda: later.send(duplicates()) and len(inner.delivered) == 1, timeout_seconds=10)
