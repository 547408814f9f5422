"""The lock that the service uses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from foundation.clock import Clock, Deadline, SystemClock
from foundation.errors import InvalidSettings, LockError
from foundation.events import EventLog
from locking.late_store import LateLockStore
from locking.lease import Lease
from locking.lease_group import LeaseGroup
from locking.status import Claim, LockStatus
from locking.store import DocumentStore, Key
from locking.stuck import check_for_stuck_locks
from locking.taking import Taking
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
        day = game_date if isinstance(game_date, date) else None
        lease = self._taking(deadline).one(self._claim(game_date, operation_id), max_wait_seconds, day=day)
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
        found = self._taking(deadline).all_of(claims)
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

    def _taking(self, deadline: Deadline | None) -> Taking:
        return Taking(self._store, self._timings, self._clock, self._events, deadline)


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
