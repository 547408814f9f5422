"""Test doubles that several tests share: an event sink, a notifier, a progress, and clocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alerts.alert import Alert
from foundation.clock import SystemClock
from foundation.events import Event
from grading.dates.survey import Work
from grading.outcome import Outcome
from grading.processors import Processor


class RecordingSink:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        """The fields of the one event of a name."""
        (event,) = self.named(name)
        return event.fields


class RecordingNotifier:
    """Keeps every alert."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def send(self, alert: Alert) -> bool:
        self.alerts.append(alert)
        return True

    def checks(self) -> list[str]:
        return [alert.check for alert in self.alerts]


class Silent:
    """Shows nothing of a backfill."""

    def phase(self, processor: Processor, runs: int) -> None: ...

    def started(self, work: Work) -> None: ...

    def finished(self, work: Work, outcome: Outcome) -> None: ...


class WallClock(SystemClock):
    """The machine's clock, but for the wall time, which stands where a test puts it."""

    def __init__(self, wall: datetime) -> None:
        self.wall = wall

    def now(self) -> datetime:
        return self.wall


class HandClock(SystemClock):
    """A clock that is moved by hand: `at` is both its monotonic time and seconds since 1970."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)
