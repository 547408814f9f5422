"""A circuit breaker whose state all instances share.

::

    closed ──3 failures in a row──▶ open ──5 minutes──▶ half-open ──success──▶ closed
                                      ▲                     │
                                      └───────failure───────┘

The state is one document per processor in the lock's store, moved by compare-and-swap only: of many
processes one makes each transition, and only that one knows of it, so that opening and closing are
alerted once. Ages are the server's, so no process's clock opens or closes anything. A breaker must never be
the reason that nothing runs: whenever the store does not answer, it lets the call through.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from foundation.clock import Clock
from foundation.errors import CircuitOpen, LockStoreUnavailable
from foundation.events import EventLog
from foundation.text import alike
from locking.shared_state import Updated, update
from locking.store import Document, DocumentStore, Fields, Key, StoreContended

COLLECTION = "grading_breakers"

BreakerState = Literal["closed", "open", "half_open"]
Transition = Literal["opened", "closed"]

_KEPT_FOR = timedelta(days=30)


class GradingCircuitBreaker:
    """Guards one processor; one instance serves one call after another, never two at once.

    Args:
        store: where the state lives.
        processor: whose calls are guarded.
        events: receives `breaker_opened`, `breaker_half_open`, `breaker_reopened`, `breaker_closed` and
            `breaker_unavailable`.
        clock: for the document's expiry alone.
        threshold: failures in a row that open it.
        cool_down_seconds: how long it stays open before one probe is let through.
        probe_seconds: how long a probe may take, at least an invocation's longest; after it the probe counts as
            dead, and another one takes its place.
        store_timeout_seconds: the longest wait for one answer of the store.

    Call `before_call()`, do the work, then `record_success()` or `record_failure()`; if these return a
    transition, the caller alerts it.
    """

    def __init__(
        self,
        store: DocumentStore,
        processor: str,
        events: EventLog,
        clock: Clock,
        *,
        threshold: int = 3,
        cool_down_seconds: float = 300.0,
        probe_seconds: float = 300.0,
        store_timeout_seconds: float = 2.0,
    ) -> None:
        if threshold < 1 or cool_down_seconds <= 0 or probe_seconds <= 0:
            raise ValueError("a breaker needs a threshold of at least 1, and times above 0")
        self._store = store
        self._processor = processor
        self._events = events.bind(processor=processor)
        self._clock = clock
        self._threshold = threshold
        self._patience: dict[BreakerState, float] = {"open": cool_down_seconds, "half_open": probe_seconds}
        self._timeout = store_timeout_seconds
        self._key = Key(COLLECTION, processor)
        self._probe: int | None = None

    def before_call(self) -> None:
        """Let the call through, as the one probe if the breaker is half-open.

        Raises `CircuitOpen` while it is open, or while another process probes.
        """
        self._probe = None
        try:
            self._admit()
        except LockStoreUnavailable as error:
            self._unavailable(error)

    def record_success(self) -> Transition | None:
        """The call succeeded: `closed` if this closed the breaker."""
        return self._recorded(succeeded=True)

    def record_failure(self, error: str = "") -> Transition | None:
        """The call failed: `opened` if this opened the breaker. A failed probe opens it again, silently."""
        return self._recorded(succeeded=False, error=error)

    def record_unknown(self, error: str) -> int:
        """The call failed in a way that is not known: how often it did alike in a row. It does not open the breaker."""
        self._probe = None
        text, seen = alike(error), 1

        def note(document: Document | None) -> Fields | None:
            nonlocal seen
            before = document.fields if document else {}
            seen = int(before.get("unknown_count", 0)) + 1 if before.get("unknown") == text else 1
            state = "closed" if document is None else _state(document)
            if state != "closed":
                return None
            return self._fields(state, _failures(document), {"unknown": text, "unknown_count": seen})

        try:
            self._update(note)
        except LockStoreUnavailable as unavailable:
            self._unavailable(unavailable)
            return 1
        return seen

    @property
    def probing(self) -> bool:
        """Whether the call that was let through is the one probe."""
        return self._probe is not None

    def _admit(self) -> None:
        def probe(document: Document | None) -> Fields | None:
            if document is None or (state := _state(document)) == "closed":
                return None
            left = self._patience[state] - document.age_seconds
            if left > 0:
                doing = "is open" if state == "open" else "is being probed by another run"
                raise CircuitOpen(f"The circuit breaker of {self._processor} {doing}; try again in {left:.0f} s.")
            return self._fields("half_open", _failures(document))

        if made := self._update(probe):
            self._probe = made.version
            self._events.emit("breaker_half_open", "One probe is let through")

    def _recorded(self, *, succeeded: bool, error: str = "") -> Transition | None:
        probe, self._probe = self._probe, None
        try:
            transition = self._end_probe(probe, succeeded) if probe is not None else self._count(succeeded)
        except LockStoreUnavailable as unavailable:
            self._unavailable(unavailable)
            return None
        if transition == "opened":
            self._events.emit(
                "breaker_opened", f"Opened after {self._threshold} failures in a row", "CRITICAL", error=error
            )
        elif transition == "closed":
            self._events.emit("breaker_closed", "Closed: a probe succeeded")
        return transition

    def _end_probe(self, probe: int, succeeded: bool) -> Transition | None:
        """Only if the document still is this probe's: one that was given up on has no say any more."""

        def end(document: Document | None) -> Fields | None:
            if document is None or document.version != probe:
                return None
            return self._fields("closed", 0) if succeeded else self._fields("open", _failures(document))

        try:
            made = self._update(end)
        except StoreContended:
            return None
        if made and not succeeded:
            self._events.emit("breaker_reopened", "The probe failed: open again", "WARNING")
        return "closed" if made and succeeded else None

    def _count(self, succeeded: bool) -> Transition | None:
        """Count a failure, or forget those before a success. Open or half-open, only the probe decides."""

        def count(document: Document | None) -> Fields | None:
            if document is not None and _state(document) != "closed":
                return None
            failures = 0 if succeeded else _failures(document) + 1
            unknown = 0 if document is None else int(document.fields.get("unknown_count", 0))
            if failures == _failures(document) and not (succeeded and unknown):
                return None
            return self._fields("open" if failures >= self._threshold else "closed", failures)

        made = self._update(count)
        return "opened" if made and not succeeded and _failures(made.before) + 1 >= self._threshold else None

    def _update(self, change: Callable[[Document | None], Fields | None]) -> Updated | None:
        return update(self._store, self._key, change, timeout=self._timeout)

    def _fields(self, state: BreakerState, failures: int, further: Fields | None = None) -> Fields:
        return {
            "state": state,
            "failures": failures,
            "processor": self._processor,
            "expires_at": self._clock.now() + _KEPT_FOR,
            **(further or {}),
        }

    def _unavailable(self, error: LockStoreUnavailable) -> None:
        self._events.emit(
            "breaker_unavailable",
            f"The breaker stays closed, as its state is not known: {error}",
            "WARNING",
            error=type(error).__name__,
        )


def _state(document: Document) -> BreakerState:
    state = document.fields.get("state")
    return state if state in ("open", "half_open") else "closed"


def _failures(document: Document | None) -> int:
    return 0 if document is None else int(document.fields.get("failures", 0))
