"""The lock that the service uses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from foundation.clock import Clock, Deadline, SystemClock
from foundation.errors import InvalidSettings, LockAcquisitionError, LockError, LockStoreUnavailable
from foundation.events import EventLog
from locking.acquisition import Acquisition
from locking.late_store import LateLockStore
from locking.lease import Grant, Lease
from locking.lease_group import LeaseGroup
from locking.status import Claim, LockStatus
from locking.store import Change, DocumentStore, Key
from locking.stuck import check_for_stuck_locks
from locking.timings import LockTimings

_LOCK_TYPE = re.compile(r"[a-z][a-z0-9_]{0,60}")
_LOCK_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,200}")


def lock_document(lock_type: str, lock_key: date | str) -> Key:
    """Where a lock lives: `grading_locks/grading_2026-01-17`.

    Raises:
        InvalidSettings: type or key hold characters that have no place in a document's path.
    """
    text = lock_key.isoformat() if isinstance(lock_key, date) else lock_key
    if not _LOCK_TYPE.fullmatch(lock_type):
        raise InvalidSettings(f"not a lock type: {lock_type!r}")
    if not _LOCK_KEY.fullmatch(text):
        raise InvalidSettings(f"not a lock key: {text!r}")
    return Key(f"{lock_type}_locks", f"{lock_type}_{text}")


class DistributedLock:
    """One lock per key, over processes and machines, with a lease that its holder renews.

    It keeps two live, connected holders apart. It cannot stop a holder that is frozen past its lease from
    going on when it thaws: call `lease.ensure_held()` before each irreversible step, and fence the write
    itself (`lease.token`, or the data token of the writer).

    Args:
        project_id: the Google Cloud project whose Firestore holds the locks, if no store is given.
        lock_type: `grading`, `daily_performance`, `performance_summary`, `consolidation`, `publish`, …:
            each is a collection of its own, `{lock_type}_locks`.
        store: where locks live; Firestore of the project if None, connected at first use.
        timings: leases, timeouts and polls.
        clock: the wall clock is for people; waits and leases use the monotonic one.
        events: receives what happens; the names and fields are listed in the package's docstring.
    """

    def __init__(
        self,
        project_id: str,
        lock_type: str = "grading",
        *,
        store: DocumentStore | None = None,
        timings: LockTimings | None = None,
        clock: Clock | None = None,
        events: EventLog | None = None,
    ) -> None:
        self.project_id = project_id
        self.lock_type = lock_type
        self._given_store = store
        self._timings = timings or LockTimings()
        self._clock = clock or SystemClock()
        self._events = events or EventLog()

    @contextmanager
    def acquire(
        self,
        game_date: date | str,
        operation_id: str,
        max_wait_seconds: float = 300.0,
        *,
        deadline: Deadline | None = None,
    ) -> Iterator[Lease]:
        """Hold the lock for the body of a `with` block.

        Args:
            game_date: the date to lock, or any other key.
            operation_id: the caller's name for what it does, shown to whoever waits.
            max_wait_seconds: the longest wait for another holder; 0 tries once. Keep the time that the
                work itself needs out of it: `min(300, deadline.remaining(reserve_seconds))`.
            deadline: the invocation's end: the wait ends there, and so does the renewal of the lease.

        Yields:
            The lease. Leaving the block releases it, whatever the body raised; the body's exception is
            never replaced.

        Raises:
            LockAcquisitionError: someone else held the lock for the whole wait.
            LockStoreUnavailable: the store gave no usable answer for about 10 s.
        """
        claim = self._claim(game_date, operation_id)
        events = self._events_of(claim)
        if isinstance(game_date, date):
            events = events.bind(date=claim.lock_key)
        lease = self._acquire(claim, max_wait_seconds, deadline, events)
        try:
            yield lease
        finally:
            lease.close()

    @contextmanager
    def acquire_all(
        self, operation_ids: Mapping[date, str], *, deadline: Deadline | None = None
    ) -> Iterator[Mapping[date, Lease | LockError]]:
        """Hold the locks of several dates for the body of a `with` block, without waiting for any.

        They are taken with one commit, and if that is refused one after the other in the order of the dates. As
        nothing is waited for, two callers cannot wait for each other.

        Args:
            operation_ids: the dates to lock, and the caller's name for what it does to each.
            deadline: the invocation's end: the renewal of the leases ends there.

        Yields:
            For each date its lease, or why there is none: `LockAcquisitionError` if someone else holds the lock, and
            `LockStoreUnavailable` for every date after the first of which the store gave no usable answer.
        """
        claims = {day: self._claim(day, operation_ids[day]) for day in sorted(operation_ids)}
        found = self._take_together(claims, deadline) or self._take_each(claims, deadline)
        leases = [lease for lease in found.values() if isinstance(lease, Lease)]
        group = LeaseGroup(self._store, leases, self._timings, self._clock, deadline)
        try:
            yield found
        finally:
            group.close()

    def force_release(self, game_date: date | str, *, if_version: int) -> bool:
        """Remove a lock that an operator has judged abandoned; its holder notices by `ensure_held()`.

        Args:
            game_date: the date, or any other key.
            if_version: the version that the operator was shown (`list_locks`).

        Returns:
            False if that version is gone: renewed, released or taken over meanwhile. Look again.

        Raises:
            LockStoreUnavailable: the store gave no usable answer.
        """
        key = lock_document(self.lock_type, game_date)
        removed = self._store.delete(key, if_version=if_version, timeout=self._timings.rpc_timeout_seconds)
        if removed:
            self._events.emit(
                "stuck_lock_removed",
                f"{key} was removed by hand",
                "WARNING",
                lock_type=self.lock_type,
                lock_key=str(game_date),
                by_hand=True,
            )
        return removed

    def list_locks(self) -> list[LockStatus]:
        """The locks of this type that someone holds, or held and did not release; oldest write first.

        Raises:
            LockStoreUnavailable: the store gave no usable answer.
        """
        documents = self._store.list(f"{self.lock_type}_locks", timeout=self._timings.rpc_timeout_seconds)
        return [LockStatus.of(document) for document in documents]

    def check_for_stuck_locks(self) -> list[dict[str, Any]]:
        """Find the locks of this type held for over 10 minutes; remove those of dead holders.

        Returns:
            One dictionary a lock: lock_type, lock_key, holder_id, operation_id, held_seconds, live, removed. See
            `locking.stuck.check_for_stuck_locks`, which gives the same as objects.

        Raises:
            LockStoreUnavailable: the store gave no usable answer.
        """
        found = check_for_stuck_locks(
            self._store, [self.lock_type], events=self._events, timeout_seconds=self._timings.rpc_timeout_seconds
        )
        return [stuck.as_dict() for stuck in found]

    @property
    def _store(self) -> DocumentStore:
        if self._given_store is None:
            # Google's client takes a second to import, and a caller with a store of its own needs none.
            from google.cloud import firestore

            from locking.firestore.store import FirestoreLockStore

            def open_store() -> DocumentStore:
                return FirestoreLockStore(firestore.Client(project=self.project_id))

            self._given_store = LateLockStore(open_store, self._clock)
        return self._given_store

    def _claim(self, lock_key: date | str, operation_id: str) -> Claim:
        return Claim(
            key=lock_document(self.lock_type, lock_key),
            lock_type=self.lock_type,
            lock_key=lock_key.isoformat() if isinstance(lock_key, date) else lock_key,
            holder_id=str(uuid.uuid4()),
            operation_id=operation_id,
            lease_seconds=self._timings.lease_seconds,
        )

    def _events_of(self, claim: Claim) -> EventLog:
        return self._events.bind(
            lock_type=self.lock_type,
            lock_key=claim.lock_key,
            holder_id=claim.holder_id,
            operation_id=claim.operation_id,
        )

    def _take_together(self, claims: Mapping[date, Claim], deadline: Deadline | None) -> dict[date, Lease | LockError]:
        """Take all locks with one commit; nothing if that was refused or not answered."""
        started, now = self._clock.monotonic(), self._clock.now()
        changes = [Change(claim.key, claim.fields(now)) for claim in claims.values()]
        try:
            versions = self._store.commit(changes, timeout=self._timings.rpc_timeout_seconds)
        except LockStoreUnavailable:
            return {}  # asked for one by one, a lock that is ours already is found to be so
        if versions is None:
            return {}
        leases: dict[date, Lease | LockError] = {}
        for (day, claim), version in zip(claims.items(), versions, strict=True):
            events = self._events_of(claim).bind(date=claim.lock_key, token=version)
            waited = self._clock.monotonic() - started
            events.emit("lock_acquired", f"acquired {claim.key}", wait_ms=round(waited * 1000), contended=False)
            leases[day] = Lease(
                store=self._store,
                claim=claim,
                grant=Grant(version=version, token=version, since=started),
                timings=self._timings,
                clock=self._clock,
                events=events,
                deadline=deadline,
                waited_seconds=waited,
                rival=None,
                tickets=(),
                renews_itself=False,
            )
        return leases

    def _take_each(self, claims: Mapping[date, Claim], deadline: Deadline | None) -> dict[date, Lease | LockError]:
        found: dict[date, Lease | LockError] = {}
        outage: LockStoreUnavailable | None = None
        for day, claim in claims.items():
            if outage is not None:
                found[day] = outage
                continue
            events = self._events_of(claim).bind(date=claim.lock_key)
            try:
                found[day] = self._acquire(claim, 0.0, deadline, events, renews_itself=False)
            except LockStoreUnavailable as error:
                found[day] = outage = error
            except LockError as error:
                found[day] = error
        return found

    def _acquire(
        self,
        claim: Claim,
        wait_seconds: float,
        deadline: Deadline | None,
        events: EventLog,
        *,
        renews_itself: bool = True,
    ) -> Lease:
        acquisition = Acquisition(self._store, claim, wait_seconds, self._timings, self._clock, events, deadline)
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
        return Lease(
            store=self._store,
            claim=claim,
            grant=grant,
            timings=self._timings,
            clock=self._clock,
            events=events,
            deadline=deadline,
            waited_seconds=waited,
            rival=acquisition.rival,
            tickets=acquisition.tickets,
            renews_itself=renews_itself,
        )


class ConsolidationLock(DistributedLock):
    """The lock of the consolidation service, under its old name."""

    def __init__(
        self,
        project_id: str,
        *,
        store: DocumentStore | None = None,
        timings: LockTimings | None = None,
        clock: Clock | None = None,
        events: EventLog | None = None,
    ) -> None:
        super().__init__(
            project_id, lock_type="consolidation", store=store, timings=timings, clock=clock, events=events
        )
