"""What becomes of an event that nobody has foreseen: said once, and delivered again until it is too old."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.alert import Alert
from foundation.clock import AlertTime, SystemClock
from foundation.errors import CircuitOpen, Transient
from foundation.events import Event, EventLog
from grading.breaker import GradingCircuitBreaker
from grading.dates.catch_up import CatchUp, CatchUpReport
from grading.memory import Memory
from grading.outcome import Outcome, Status
from grading.pubsub.handler import EventHandler
from grading.settings import Settings
from locking.late_store import LateLockStore
from locking.sqlite_store import SQLiteLockStore

SETTINGS = Settings(google_cloud_project="project")


class LaterClock(SystemClock):
    """A wall clock that a test moves."""

    later = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.later


class Told:
    """A sink and a notifier that keep what they receive."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.alerts: list[Alert] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def send(self, alert: Alert) -> bool:
        self.alerts.append(alert)
        return True

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]


class Crashing:
    """A service that fails as no one has foreseen."""

    def grade(self, *_: Any) -> list[Outcome]:
        raise AttributeError("'NoneType' object has no attribute 'get'")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
def handler(told: Told, clock: LaterClock, tmp_path: Path) -> EventHandler:
    service: Any = Crashing()
    return EventHandler(
        settings=SETTINGS,
        clock=clock,
        events=EventLog((told,)),
        notifier=told,
        service=service,
        tasks={"catch_up": lambda _command, _deadline: None},
        after=lambda _outcomes: None,
        flush=lambda: None,
        memory=Memory(SQLiteLockStore(tmp_path / "memory.sqlite3"), clock),
        alert_time=AlertTime(clock),
    )


def event(text: str, published: str | None = None) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat() if published is None else published
    data = base64.b64encode(text.encode()).decode()
    return {"message": {"data": data, "messageId": "m-1", "publishTime": at}}


def test_an_unexpected_exception_is_logged_whole_alerted_once_and_raised(handler: EventHandler, told: Told) -> None:
    with pytest.raises(AttributeError):
        handler.handle(event('{"target_date": "2024-01-15"}'))
    [logged] = told.named("unexpected_error")
    assert logged.severity == "CRITICAL"
    assert "Traceback" in logged.fields["stack_trace"]
    assert "in grade" in logged.fields["stack_trace"]
    assert [alert.check for alert in told.alerts] == ["unexpected_error"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"target_date":' * 50_000,
        '{"days": ' + "9" * 10_000 + "}",
        '{"days": NaN, "task": "catch_up"}',
        "",
    ],
    ids=["deep list", "deep object", "large number", "NaN", "empty"],
)
def test_a_message_that_cannot_be_read_is_acknowledged(handler: EventHandler, told: Told, text: str) -> None:
    handler.handle(event(text))
    assert [alert.check for alert in told.alerts] == ["invalid_message"]


@pytest.mark.parametrize("text", ['{"target_date": "2024-01-15"}', "[" * 100_000, "\x00"])
def test_the_age_of_a_poisonous_event_is_checked_before_it_is_parsed(
    handler: EventHandler, told: Told, text: str
) -> None:
    handler.handle(event(text, published="2024-01-16T00:00:00Z"))
    assert [alert.check for alert in told.alerts] == ["event_too_old"]


@pytest.mark.parametrize("published", ["soon", "", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_publish_time_that_cannot_be_read_counts_from_the_first_delivery(
    handler: EventHandler, told: Told, clock: LaterClock, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = event('{"target_date": "2024-01-15"}', published)
    for _ in range(2):
        with pytest.raises(AttributeError):
            handler.handle(poison)
    monkeypatch.setattr("time.time_ns", lambda: int((datetime.now(UTC) + timedelta(hours=7)).timestamp() * 1e9))
    told.alerts.clear()
    handler.handle(poison)
    assert [alert.check for alert in told.alerts] == ["event_too_old"]


def test_the_first_delivery_is_remembered_without_a_store(clock: LaterClock, tmp_path: Path) -> None:
    store = LateLockStore(lambda: SQLiteLockStore(tmp_path / "missing" / "x.sqlite3"), clock)
    memory = Memory(store, clock)
    first = memory.first_seen("m-1")
    clock.later = timedelta(hours=7)
    assert memory.first_seen("m-1") == first
    assert [memory.failed("a", f"job {n} failed") for n in range(3)] == [1, 2, 3]


def outcome(detail: str) -> Outcome:
    return Outcome(
        processor="p",
        date=datetime(2024, 1, 15, tzinfo=UTC).date(),
        status=Status.FAILED,
        run_id="r",
        detail=detail,
        transient=True,
    )


def test_catch_up_acknowledges_what_failed_twice_alike(
    told: Told, clock: LaterClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(SQLiteLockStore(tmp_path / "memory.sqlite3"), clock)
    service: Any = None
    catch_up = CatchUp(service=service, events=EventLog((told,)), failed_before=memory.failed)
    reports = iter(["job 1 failed", "job 2 failed", "another thing", "another thing"])
    monkeypatch.setattr(
        CatchUp, "run", lambda *_: CatchUpReport(first=date.min, last=date.min, outcomes=[outcome(next(reports))])
    )
    run: Callable[[], None] = lambda: catch_up.task(None, Any)  # type: ignore[arg-type]  # noqa: E731
    with pytest.raises(Transient):
        run()
    run()
    with pytest.raises(Transient):
        run()
    run()
    assert [event.severity for event in told.named("catch_up_gave_up")] == ["CRITICAL"] * 2


def test_errors_that_are_not_known_do_not_open_the_breaker_for_other_dates(told: Told, tmp_path: Path) -> None:
    store = SQLiteLockStore(tmp_path / "breaker.sqlite3")
    breaker = GradingCircuitBreaker(store, "p", EventLog((told,)), SystemClock(), threshold=3)
    assert [breaker.record_unknown(f"job {n} did something new") for n in range(4)] == [1, 2, 3, 4]
    breaker.before_call()
    assert breaker.record_unknown("something else") == 1
    assert breaker.record_success() is None
    assert breaker.record_unknown("something else") == 1
    for _ in range(3):
        breaker.record_failure("known")
    with pytest.raises(CircuitOpen):
        breaker.before_call()
