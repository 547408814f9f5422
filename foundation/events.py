"""Structured events: one frozen value per fact, handed to every sink.

A sink is anything with `record(event)`; a log line, a metric and a test's list are sinks alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol

Severity = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@dataclass(frozen=True, slots=True)
class Event:
    """One fact: its name (a stable identifier that dashboards match), severity, text and fields."""

    name: str
    severity: Severity
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)


_CARRIED: ContextVar[Mapping[str, Any]] = ContextVar("carried", default=MappingProxyType({}))


@contextmanager
def carrying(**fields: Any) -> Iterator[None]:
    """Inside this, every event of this thread carries these fields too, whoever emits it."""
    token = _CARRIED.set({**_CARRIED.get(), **fields})
    try:
        yield
    finally:
        _CARRIED.reset(token)


class EventSink(Protocol):
    """Where events go. A sink must not raise: telling must never harm doing."""

    def record(self, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class EventLog:
    """Emits events to sinks, with fields bound once and carried by every event after that."""

    sinks: Sequence[EventSink] = ()
    bound: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, **fields: Any) -> EventLog:
        """The same sinks, with more fields on each event (`date`, `processor`, `run_id`, …)."""
        return EventLog(self.sinks, {**self.bound, **fields})

    def emit(self, name: str, message: str, severity: Severity = "INFO", **fields: Any) -> None:
        """Record one event in every sink."""
        event = Event(name, severity, message, {**_CARRIED.get(), **self.bound, **fields})
        for sink in self.sinks:
            sink.record(event)
