"""The locks that upkeep looks after, and what is reported of stuck ones."""

from __future__ import annotations

from collections.abc import Iterable

from alerts import upkeep_messages as messages
from alerts.alert import Notifier
from grading.processors import PROCESSORS
from locking.stuck import StuckLock

LOCK_TYPES = tuple(dict.fromkeys([*(processor.lock_type for processor in PROCESSORS), "consolidation", "publish"]))


def alert_stuck_locks(found: Iterable[StuckLock], notifier: Notifier) -> None:
    """One alert for each stuck lock, removed or not."""
    for stuck in found:
        tell = messages.stuck_lock_removed if stuck.removed else messages.stuck_lock_found
        notifier.send(
            tell(
                stuck.lock.lock_key,
                lock_type=stuck.lock.lock_type,
                held_by=f"{stuck.lock.operation_id} ({stuck.lock.holder_id})",
                held_seconds=stuck.lock.held_seconds,
                heartbeat_age_seconds=stuck.lock.heartbeat_age_seconds,
            )
        )
