"""Leases of several locks that are held together: renewed by one thread, and released with one commit.

A commit carries out all or nothing, so one lock that is lost has it refused: then each lease is renewed by itself, and
only the lost one says so. What makes a renewal or a release safe is each document's own precondition; see
`locking.lease`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from foundation.clock import Clock, Deadline
from foundation.errors import LockStoreUnavailable
from locking.lease import Lease
from locking.reminders import REMINDERS
from locking.store import DocumentStore
from locking.timings import LockTimings

_RETRIES_PER_RENEWAL = 5


class LeaseGroup:
    """Renews leases that do not renew themselves, until it is closed.

    Args:
        store: the lock store of all of them.
        leases: the leases; whoever holds them may abandon one, and sees for himself that one is lost.
        timings: when to renew.
        clock: measures.
        deadline: renewal ends with it: a hung main thread must not keep the locks for ever.
    """

    def __init__(
        self,
        store: DocumentStore,
        leases: Sequence[Lease],
        timings: LockTimings,
        clock: Clock,
        deadline: Deadline | None,
    ) -> None:
        self._store = store
        self._leases = leases
        self._timings = timings
        self._clock = clock
        self._deadline = deadline
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._renewal: threading.Thread | None = None
        self._reminder = REMINDERS.after(timings.renew_every_seconds, self._start)

    def close(self) -> None:
        """Stop renewing and release what is held. Never raises for what the store does."""
        self._reminder.cancel()
        with self._mutex:
            self._stop.set()
        if self._renewal is not None:
            self._renewal.join()
        kept = [lease for lease in self._leases if lease.renewable]
        unanswered = False
        try:
            if kept and self._release(kept):
                for lease in kept:
                    lease.released()
            else:
                kept = []
        except LockStoreUnavailable:
            kept, unanswered = [], True
        for lease in self._leases:
            if lease not in kept:
                lease.close(unanswered=unanswered)

    def _release(self, leases: Sequence[Lease]) -> bool:
        changes = [change for lease in leases for change in lease.release()]
        return self._store.commit(changes, timeout=self._timings.rpc_timeout_seconds) is not None

    def _start(self) -> None:
        with self._mutex:
            if not self._stop.is_set():
                self._renewal = threading.Thread(target=self._renew_until_stopped, name="locks-renewal", daemon=True)
                self._renewal.start()

    def _renew_until_stopped(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            if self._deadline is not None and self._deadline.expired:
                return
            started = self._clock.monotonic()
            try:
                self._renew(started)
                pause = max(0.0, self._timings.renew_every_seconds - (self._clock.monotonic() - started))
            except LockStoreUnavailable:
                pause = self._timings.renew_every_seconds / _RETRIES_PER_RENEWAL

    def _renew(self, started: float) -> None:
        leases = [lease for lease in self._leases if lease.renewable]
        if not leases:
            return
        changes = [lease.renewal() for lease in leases]
        versions = self._store.commit(changes, timeout=self._timings.rpc_timeout_seconds)
        if versions is not None:
            for lease, version in zip(leases, versions, strict=True):
                lease.renewed(version, started)
            return
        for lease in leases:
            lease.renew(self._clock.monotonic())
