"""Finding locks that outlived their holder.

Every age is the server's (see `locking.status`), so a wrong clock here or at the holder removes nothing. A
removal names the version whose heartbeat was seen to be stale: a holder that renews in between keeps its lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foundation.events import EventLog
from locking.status import STUCK_SECONDS, LockStatus
from locking.store import DocumentStore
from locking.timings import LockTimings

REMOVE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class StuckLock:
    """A lock held for over 10 minutes, and whether it was removed. The caller alerts."""

    lock: LockStatus
    removed: bool

    def as_dict(self) -> dict[str, Any]:
        """The lock in plain values."""
        lock = self.lock
        return {
            "lock_type": lock.lock_type,
            "lock_key": lock.lock_key,
            "holder_id": lock.holder_id,
            "operation_id": lock.operation_id,
            "held_seconds": lock.held_seconds,
            "live": not lock.expired,
            "removed": self.removed,
        }


def check_for_stuck_locks(
    store: DocumentStore,
    lock_types: Sequence[str],
    *,
    events: EventLog | None = None,
    timeout_seconds: float = LockTimings().rpc_timeout_seconds,
) -> list[StuckLock]:
    """Find the locks held for over 10 minutes; remove those held for over 15 whose heartbeat is stale too.

    A live holder's lock is never removed, however long it is held: it is only reported.

    Args:
        store: the lock store.
        lock_types: `grading`, …; one collection each.
        events: receives one event for each lock found or removed.
        timeout_seconds: for each call to the store.

    Raises:
        LockStoreUnavailable: the store gave no usable answer; what was found before is lost, check again.
    """
    events = events or EventLog()
    found = []
    for lock_type in lock_types:
        for document in store.list(f"{lock_type}_locks", timeout=timeout_seconds):
            lock = LockStatus.of(document)
            if lock.held_seconds <= STUCK_SECONDS:
                continue
            removable = lock.held_seconds > REMOVE_SECONDS and lock.expired
            removed = removable and store.delete(lock.key, if_version=lock.version, timeout=timeout_seconds)
            found.append(StuckLock(lock, removed))
            events.emit(
                "stuck_lock_removed" if removed else "stuck_lock_found",
                f"{lock.key} has been held by {lock.operation_id} for {lock.held_seconds / 60:.0f} min"
                + (", silent: removed" if removed else ""),
                "WARNING",
                lock_type=lock_type,
                lock_key=lock.lock_key,
                holder_id=lock.holder_id,
                operation_id=lock.operation_id,
                token=lock.token,
                held_ms=round(lock.held_seconds * 1000),
                live=not lock.expired,
            )
    return found
