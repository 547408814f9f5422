"""When to ask a silent store again, and when to call it an outage: the one place that retries."""

from __future__ import annotations

import random
import time

from foundation.clock import Clock
from foundation.errors import LockStoreUnavailable
from locking.store import StoreContended, StoreUnanswered
from locking.timings import LockTimings

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_CONTENDED_PAUSE_SECONDS = 0.02

RETRIED = (StoreUnanswered, StoreContended)


class Silence:
    """How long the store has not answered.

    Args:
        timings: the call's timeout.
        clock: measures the silence.
        limit_seconds: the silence that counts as an outage; `timings.outage_seconds` if None.
    """

    def __init__(self, timings: LockTimings, clock: Clock, *, limit_seconds: float | None = None) -> None:
        self._timings = timings
        self._clock = clock
        self._limit = timings.outage_seconds if limit_seconds is None else limit_seconds
        self._heard = clock.monotonic()
        self._pause = _FIRST_PAUSE_SECONDS
        self.unanswered = False

    @property
    def timeout(self) -> float:
        """Seconds that the next call may take."""
        left = self._heard + self._limit - self._clock.monotonic()
        return max(0.1, min(self._timings.rpc_timeout_seconds, left))

    def begin(self) -> None:
        """Calls begin, or go on after an answer: the silence counts from now."""
        self._heard = self._clock.monotonic()
        self._pause = _FIRST_PAUSE_SECONDS
        self.unanswered = False

    def after(self, error: StoreUnanswered | StoreContended) -> None:
        """Pause before the next attempt, with full jitter.

        Raises:
            LockStoreUnavailable: the store has been silent for too long.
        """
        self.unanswered = True
        if isinstance(error, StoreContended):
            pause = _CONTENDED_PAUSE_SECONDS
        else:
            pause = self._pause = min(_LONGEST_PAUSE_SECONDS, 2 * self._pause)
        pause *= random.random()  # noqa: S311  (jitter)
        silent = self._clock.monotonic() - self._heard
        if silent + pause >= self._limit:
            raise LockStoreUnavailable(f"the lock store has not answered for {silent:.1f} s: {error}") from error
        time.sleep(pause)
