"""Alert suppression when its store fails: an alert may come twice, and is never silenced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts import messages
from alerts.alert import Alert
from alerts.suppression import COLLECTION, SuppressingNotifier
from foundation.clock import SystemClock
from foundation.events import EventLog
from locking.sqlite_store import SQLiteLockStore
from tests.fakes import RecordingSink
from tests.unit.faulty_store import Fault, FaultyStore

ALERT = messages.duplicates_found("2026-01-17", table="t", processor="p", duplicate_keys=3)


class Inner:
    def __init__(self) -> None:
        self.delivered: list[Alert] = []

    def send(self, alert: Alert) -> bool:
        self.delivered.append(alert)
        return True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FaultyStore]:
    sqlite = SQLiteLockStore(tmp_path / "state.sqlite3")
    yield FaultyStore(sqlite)
    sqlite.close()


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def recorded() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def notifier(store: FaultyStore, inner: Inner, recorded: RecordingSink) -> SuppressingNotifier:
    return SuppressingNotifier(inner, store, EventLog([recorded]), SystemClock(), environment="test")  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", ["down", "lost before", "lost after", "contended"])
def test_a_dead_store_never_silences_an_alert(
    notifier: SuppressingNotifier, store: FaultyStore, inner: Inner, recorded: RecordingSink, fault: Fault
) -> None:
    """Also one that was reported before: whether it was is not known now."""
    notifier.send(ALERT)
    store.always = fault
    assert notifier.send(ALERT)
    assert len(inner.delivered) == 2
    assert recorded.events[-1].name == "alert_state_unavailable"


@pytest.mark.parametrize("method", ["read", "create"])
@pytest.mark.parametrize("fault", ["down", "lost before", "lost after", "contended"])
def test_a_store_that_fails_once_never_silences_an_alert(
    notifier: SuppressingNotifier, store: FaultyStore, inner: Inner, method: str, fault: Fault
) -> None:
    store.plan(method, fault)
    assert notifier.send(ALERT)
    assert inner.delivered == [ALERT]


def test_contention_is_resolved_by_looking_again(
    notifier: SuppressingNotifier, store: FaultyStore, inner: Inner
) -> None:
    """And what was reported then is remembered."""
    store.plan("create", "contended")
    store.plan("replace", "contended")
    for _ in range(3):
        notifier.send(ALERT)
    assert inner.delivered == [ALERT]


def test_a_store_that_dies_after_the_delivery_means_a_repetition_at_worst(
    notifier: SuppressingNotifier, store: FaultyStore, inner: Inner, recorded: RecordingSink
) -> None:
    store.plan("replace", "down")
    assert notifier.send(ALERT)
    assert [event.name for event in recorded.events] == ["alert_state_unavailable"]
    document = store.list(COLLECTION, timeout=5)[0]
    assert document.fields["state"] == "telling", "void after a minute; never remembered as told"


def test_a_dead_store_tells_no_end(notifier: SuppressingNotifier, store: FaultyStore, inner: Inner) -> None:
    notifier.send(ALERT)
    store.always = "down"
    assert not notifier.resolve("duplicates", "t", "2026-01-17")
    store.always = "fine"
    assert notifier.resolve("duplicates", "t", "2026-01-17")


def test_a_clean_check_without_an_alert_costs_one_read(
    notifier: SuppressingNotifier, store: FaultyStore, inner: Inner
) -> None:
    assert not notifier.resolve("duplicates", "t", "2026-01-17")
    assert store.calls == ["read"]
    assert inner.delivered == []


def test_a_suppressed_alert_is_in_the_log(notifier: SuppressingNotifier, recorded: RecordingSink) -> None:
    notifier.send(ALERT)
    notifier.send(ALERT)
    (event,) = recorded.events
    assert event.name == "alert_suppressed"
    assert ALERT.title in event.message


def test_a_document_says_what_was_told(notifier: SuppressingNotifier, store: FaultyStore) -> None:
    """For whoever looks into the store."""
    notifier.send(ALERT)
    (document,) = store.list(COLLECTION, timeout=5)
    assert document.key.document_id.startswith("test_t_duplicates_2026-01-17_")
    assert document.fields["title"] == ALERT.title
    assert (document.fields["state"], document.fields["count"]) == ("told", 3)
