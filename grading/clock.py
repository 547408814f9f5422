"""Time as a dependency: the clock that everything is given, and the deadline of an invocation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the service may ask about time."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware in UTC. For people and logs; never decides who holds a lock."""

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring spans inside one process."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which an invocation must have answered, on the process's monotonic clock."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """A deadline `seconds` from now."""
        return cls(at=clock.monotonic() + seconds, clock=clock)

    def remaining(self, reserve_seconds: float = 0.0) -> float:
        """Seconds left before the deadline minus a reserve; never below 0."""
        return max(0.0, self.at - reserve_seconds - self.clock.monotonic())

    @property
    def expired(self) -> bool:
        return self.remaining() <= 0.0
