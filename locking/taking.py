"""Taking locks: one and waiting for it, or several together and waiting for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from foundation.clock import Clock, Deadline
from foundation.errors import LockAcquisitionError, LockError, LockStoreUnavailable
from foundation.events import EventLog
from locking.acquisition import Acquisition
from locking.lease import Grant, Lease
from locking.status import Claim, LockStatus
from locking.store import Change, DocumentStore, Key
from locking.timings import LockTimings


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes the locks that are claimed, until the deadline, and says so in events."""

    store: DocumentStore
    timings: LockTimings
    clock: Clock
    events: EventLog
    deadline: Deadline | None

    def one(self, claim: Claim, wait_seconds: float, *, day: date | None = None, renews_itself: bool = True) -> Lease:
        """Take one lock, waiting so long for its holder; `day` is its key, if that is a date.

        Raises what `DistributedLock.acquire` raises.
        """
        events = self._events_of(claim, day)
        acquisition = Acquisition(self.store, claim, wait_seconds, self.timings, self.clock, events, self.deadline)
        try:
            grant = acquisition.run()
        except LockError as error:
            events.emit(
                "lock_failed",
                str(error),
                "WARNING",
                wait_ms=round(acquisition.waited_seconds * 1000),
                contended=acquisition.contended,
                reason="timeout" if isinstance(error, LockAcquisitionError) else "unavailable",
            )
            raise
        waited = acquisition.waited_seconds
        wait_ms = round(waited * 1000)
        events = events.bind(token=grant.token)
        if grant.taken_from is not None:
            events.emit(
                "lock_taken_over",
                f"took {claim.key} over from {grant.taken_from.operation_id}, silent for "
                f"{grant.taken_from.heartbeat_age_seconds:.1f} s",
                "WARNING",
                taken_from=grant.taken_from.holder_id,
                taken_from_operation=grant.taken_from.operation_id,
            )
        if acquisition.waited:
            events.emit("lock_waited", f"waited {waited:.2f} s for {claim.key}", wait_ms=wait_ms, contended=True)
        events.emit("lock_acquired", f"acquired {claim.key}", wait_ms=wait_ms, contended=acquisition.contended)
        return self._lease(
            claim,
            grant,
            events,
            waited,
            rival=acquisition.rival,
            tickets=acquisition.tickets,
            renews_itself=renews_itself,
        )

    def all_of(self, claims: Mapping[date, Claim]) -> dict[date, Lease | LockError]:
        """Take several locks in their order, waiting for none: each one's lease, or why there is none."""
        return self._together(claims) or self._each(claims)

    def _together(self, claims: Mapping[date, Claim]) -> dict[date, Lease | LockError]:
        """Take all locks with one commit; nothing if that was refused or not answered."""
        started, now = self.clock.monotonic(), self.clock.now()
        changes = [Change(claim.key, claim.fields(now)) for claim in claims.values()]
        try:
            versions = self.store.commit(changes, timeout=self.timings.rpc_timeout_seconds)
        except LockStoreUnavailable:
            return {}  # asked for one by one, a lock that is ours already is found to be so
        if versions is None:
            return {}
        leases: dict[date, Lease | LockError] = {}
        for (day, claim), version in zip(claims.items(), versions, strict=True):
            events = self._events_of(claim, day).bind(token=version)
            waited = self.clock.monotonic() - started
            events.emit("lock_acquired", f"acquired {claim.key}", wait_ms=round(waited * 1000), contended=False)
            leases[day] = self._lease(
                claim, Grant(version=version, token=version, since=started), events, waited, renews_itself=False
            )
        return leases

    def _each(self, claims: Mapping[date, Claim]) -> dict[date, Lease | LockError]:
        found: dict[date, Lease | LockError] = {}
        outage: LockStoreUnavailable | None = None
        for day, claim in claims.items():
            if outage is not None:
                found[day] = outage
                continue
            try:
                found[day] = self.one(claim, 0.0, day=day, renews_itself=False)
            except LockStoreUnavailable as error:
                found[day] = outage = error
            except LockError as error:
                found[day] = error
        return found

    def _lease(
        self,
        claim: Claim,
        grant: Grant,
        events: EventLog,
        waited_seconds: float,
        *,
        rival: LockStatus | None = None,
        tickets: Sequence[Key] = (),
        renews_itself: bool,
    ) -> Lease:
        return Lease(
            store=self.store,
            claim=claim,
            grant=grant,
            timings=self.timings,
            clock=self.clock,
            events=events,
            deadline=self.deadline,
            waited_seconds=waited_seconds,
            rival=rival,
            tickets=tickets,
            renews_itself=renews_itself,
        )

    def _events_of(self, claim: Claim, day: date | None) -> EventLog:
        events = self.events.bind(
            lock_type=claim.lock_type,
            lock_key=claim.lock_key,
            holder_id=claim.holder_id,
            operation_id=claim.operation_id,
        )
        return events.bind(date=claim.lock_key) if day else events
