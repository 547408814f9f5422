"""The lock's metrics: collected from its events, written at the end of an invocation in one call.

Cloud Monitoring takes at most one point per time series in a request
(https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/create), and at most one every
5 seconds (https://cloud.google.com/monitoring/quotas). So the events of an invocation become one point per
metric and lock type, and a flush that comes too early keeps them for the next.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from foundation.clock import Clock
from foundation.events import Event, EventLog

METRIC_PREFIX = "custom.googleapis.com/grading"
LOCK_WAIT_TIME = f"{METRIC_PREFIX}/lock_wait_time"
LOCK_TIMEOUT = f"{METRIC_PREFIX}/lock_timeout"
LOCK_CONTENTION = f"{METRIC_PREFIX}/lock_contention"


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one metric for one lock type: milliseconds, or a count."""

    metric: str
    lock_type: str
    value: int


class MetricWriter(Protocol):
    """Where points go."""

    def write(self, points: Sequence[Point]) -> None:
        """Write all points in one call, within a few seconds. May raise: the sink logs it."""


@dataclass(slots=True)
class _Tally:
    """What happened to one lock type since the last flush."""

    longest_wait_ms: int = 0
    timeouts: int = 0
    contended: set[str] = field(default_factory=set)


class LockMetricsSink:
    """An event sink that counts the events of the lock.

    The wait is the longest of the invocation, failed waits included: an alert on long waits must not be
    averaged away. A contended acquisition counts once, however many events report it.

    Args:
        writer: where the points go.
        events: receives `metrics_failed`.
        clock: measures the time between two writes.
        min_interval_seconds: the shortest time between two writes.
    """

    def __init__(
        self, writer: MetricWriter, events: EventLog, clock: Clock, *, min_interval_seconds: float = 5.0
    ) -> None:
        self._writer = writer
        self._events = events
        self._clock = clock
        self._min_interval_seconds = min_interval_seconds
        self._lock = threading.Lock()
        self._tallies: dict[str, _Tally] = {}
        self._last_write: float | None = None

    def record(self, event: Event) -> None:
        """Count `lock_acquired`, `lock_waited` and `lock_failed`; ignore everything else."""
        if event.name not in ("lock_acquired", "lock_waited", "lock_failed"):
            return
        fields = event.fields
        timed_out = event.name == "lock_failed" and fields.get("reason") == "timeout"
        waited = event.name == "lock_waited" or timed_out or bool(fields.get("contended"))
        with self._lock:
            tally = self._tallies.setdefault(str(fields.get("lock_type", "unknown")), _Tally())
            tally.longest_wait_ms = max(tally.longest_wait_ms, _whole(fields.get("wait_ms")))
            tally.timeouts += timed_out
            if waited:
                tally.contended.add(str(fields.get("holder_id") or f"event {len(tally.contended)}"))

    def flush(self) -> None:
        """Write what was counted, and start anew. Never raises; what a failed write held is only in the log."""
        with self._lock:
            if not self._tallies or self._too_early():
                return
            tallies, self._tallies = self._tallies, {}
        points = [point for lock_type, tally in sorted(tallies.items()) for point in _points(lock_type, tally)]
        try:
            self._writer.write(points)
        except Exception as error:  # noqa: BLE001 - metrics never harm the work
            self._events.emit(
                "metrics_failed",
                f"The lock metrics were not written: {error}",
                "WARNING",
                error=type(error).__name__,
                points=_readable(points),
            )
        # The end of the write: the points' own time lies before it.
        self._last_write = self._clock.monotonic()

    def _too_early(self) -> bool:
        last = self._last_write
        return last is not None and self._clock.monotonic() - last < self._min_interval_seconds


class LogMetricWriter:
    """The local writer: points become one `lock_metrics` event."""

    def __init__(self, events: EventLog) -> None:
        self._events = events

    def write(self, points: Sequence[Point]) -> None:
        self._events.emit("lock_metrics", "Lock metrics of this invocation", points=_readable(points))


def _points(lock_type: str, tally: _Tally) -> list[Point]:
    return [
        Point(LOCK_WAIT_TIME, lock_type, tally.longest_wait_ms),
        Point(LOCK_TIMEOUT, lock_type, tally.timeouts),
        Point(LOCK_CONTENTION, lock_type, len(tally.contended)),
    ]


def _readable(points: Sequence[Point]) -> dict[str, dict[str, int]]:
    """`{lock_type: {metric: value}}`."""
    by_type: dict[str, dict[str, int]] = {}
    for point in points:
        by_type.setdefault(point.lock_type, {})[point.metric.rpartition("/")[2]] = point.value
    return by_type


def _whole(milliseconds: Any) -> int:
    try:
        return max(0, round(float(milliseconds or 0)))
    except (TypeError, ValueError, OverflowError):
        return 0
