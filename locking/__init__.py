"""A per-date lock with leases, renewal, waiting in line and takeover, on Firestore or SQLite.

::

    lock = DistributedLock("my-project", lock_type="grading")
    with lock.acquire(date(2026, 1, 17), operation_id="run-1", max_wait_seconds=300) as lease:
        ...
        lease.ensure_held()  # before each step that cannot be undone

Each lock emits events. All carry `lock_type`, `lock_key`, `holder_id` and `operation_id`, and `date` if
the key is a date; `token` once there is one. Milliseconds are integers.

=================== ========= =======================================================================
event               severity  further fields
=================== ========= =======================================================================
lock_waiting        INFO      held_by, held_by_operation: someone else holds the lock; the wait begins
lock_waited         INFO      wait_ms, contended=True: the wait ended with the lock
lock_acquired       INFO      wait_ms, contended
lock_taken_over     WARNING   taken_from, taken_from_operation: its holder's lease had ended
lock_failed         WARNING   wait_ms, contended, reason: `timeout` or `unavailable`
lock_released       INFO      held_ms
lock_left           WARNING   held_ms, reason: not released, it expires with its lease
lock_lost           ERROR     held_ms, reason: someone else holds it, or it was removed, or the lease ran out
stuck_lock_found    WARNING   held_ms, live: held for over 10 minutes
stuck_lock_removed  WARNING   held_ms, live; or by_hand=True if an operator did it
=================== ========= =======================================================================
"""

from locking.lease import Lease
from locking.lock import ConsolidationLock, DistributedLock
from locking.status import LockStatus
from locking.stuck import StuckLock, check_for_stuck_locks
from locking.timings import LockTimings

__all__ = [
    "ConsolidationLock",
    "DistributedLock",
    "Lease",
    "LockStatus",
    "LockTimings",
    "StuckLock",
    "check_for_stuck_locks",
]
