"""Time as a dependency: the clock that everything is given, and the deadline of an invocation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """What the service may ask about time."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware in UTC. For people and logs; never decides who holds a lock."""

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring spans inside one process."""

    @property
    def ends_at(self) -> float:
        """The monotonic moment by which this process must be done; infinity until it is told to stop."""


class SystemClock:
    """The machine's own clock. `end_within` brings every deadline of the process forward.

    Its monotonic seconds count the time that the machine slept, if the system can tell: a lease that ran out during
    the sleep has run out (https://man7.org/linux/man-pages/man2/clock_gettime.2.html, CLOCK_BOOTTIME).
    """

    ends_at: float = math.inf

    def end_within(self, seconds: float) -> None:
        """The process was told to stop: no deadline lies further away than this from now on."""
        self.ends_at = min(self.ends_at, self.monotonic() + seconds)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


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
        return max(0.0, min(self.at, self.clock.ends_at) - reserve_seconds - self.clock.monotonic())

    @property
    def expired(self) -> bool:
        return self.remaining() <= 0.0

    @property
    def stopping(self) -> bool:
        """Whether the process was told to stop: what is left undone is nobody's failure."""
        return self.clock.ends_at < math.inf


class AlertTime:
    """How long alerts may take. Without end, until an invocation begins: then all of its alerts end with it.

    Args:
        clock: measures it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_at = math.inf

    def end_within(self, seconds: float) -> None:
        """An invocation has begun: from now on alerts end within this many seconds."""
        self._ends_at = self._clock.monotonic() + seconds

    def left(self, longest: float) -> float:
        """Seconds that a step may take that would take `longest`; 0 if no time is left."""
        return max(0.0, min(longest, self._ends_at - self._clock.monotonic()))
