"""The lock document: how a holder writes it, and what others may read from it.

What the holder's clock says (`acquired_at`, `expires_at`) is for people and for Firestore's TTL policy.
Every judgement rests on the server: a document's version is its commit time, its age the server's read time
minus that, and `token` repeats the version of the acquisition, so that the time held is known after
renewals too. The first write cannot know its own commit time and says 0.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from locking.store import Document, Fields, Key

LockState = Literal["live", "expired", "stuck"]

STUCK_SECONDS = 600.0
_FOREIGN_LEASE_SECONDS = 300.0
_GARBAGE_AFTER = timedelta(days=7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One acquisition's wish to hold a lock: who, for what, on which document.

    `host` and `process` are for the person who looks for the holder; nothing is decided by them.
    """

    key: Key
    lock_type: str
    lock_key: str
    holder_id: str
    operation_id: str
    lease_seconds: float
    host: str = field(default_factory=platform.node)
    process: int = field(default_factory=os.getpid)

    def fields(self, now: datetime, *, token: int = 0, heartbeat: int = 0) -> Fields:
        """The lock document's content.

        Args:
            now: the holder's wall clock.
            token: the version of the acquisition; 0 in the write that acquires.
            heartbeat: counts up. Firestore leaves `update_time` alone if a write changes nothing.
        """
        return {
            "holder_id": self.holder_id,
            "operation_id": self.operation_id,
            "host": self.host,
            "process": self.process,
            "lock_type": self.lock_type,
            "lock_key": self.lock_key,
            "acquired_at": _EPOCH + timedelta(microseconds=token) if token else now,
            "token": token,
            "heartbeat": heartbeat,
            "lease_seconds": self.lease_seconds,
            "expires_at": now + _GARBAGE_AFTER,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LockStatus:
    """A lock as it was at one read, by the server's clock.

    Attributes:
        version: what a removal must name, so that it removes exactly this.
        token: the holder's fencing token, in microseconds since the epoch.
        held_seconds: since the acquisition.
        heartbeat_age_seconds: since the last renewal.
        lease_seconds: as the holder declared it.
        host: the name of the holder's machine; empty if its writer did not say.
        process: the holder's process id there; 0 if its writer did not say.
    """

    key: Key
    lock_type: str
    lock_key: str
    holder_id: str
    operation_id: str
    version: int
    token: int
    held_seconds: float
    heartbeat_age_seconds: float
    lease_seconds: float
    host: str = ""
    process: int = 0

    @classmethod
    def of(cls, document: Document) -> LockStatus:
        """Reads a lock document; one without a lease, from another writer, is given 5 minutes."""
        fields = document.fields
        token = int(fields.get("token") or document.version)
        return cls(
            key=document.key,
            lock_type=str(fields.get("lock_type", "unknown")),
            lock_key=str(fields.get("lock_key", document.key.document_id)),
            holder_id=str(fields.get("holder_id", "unknown")),
            operation_id=str(fields.get("operation_id", "unknown")),
            version=document.version,
            token=token,
            held_seconds=document.age_seconds + (document.version - token) / 1_000_000,
            heartbeat_age_seconds=document.age_seconds,
            lease_seconds=float(fields.get("lease_seconds", _FOREIGN_LEASE_SECONDS)),
            host=str(fields.get("host", "")),
            process=int(fields.get("process") or 0),
        )

    @property
    def holder(self) -> str:
        """Who holds it, for people: the holder's id, and its operation in brackets."""
        return f"{self.holder_id} ({self.operation_id})"

    @property
    def expired(self) -> bool:
        """Whether the holder has not renewed within its lease: anyone may take over."""
        return self.heartbeat_age_seconds > self.lease_seconds

    @property
    def state(self) -> LockState:
        """`stuck`: held for over 10 minutes, longer than any invocation runs. `expired`: not renewed within
        its lease. `live`: neither."""
        if self.held_seconds > STUCK_SECONDS:
            return "stuck"
        return "expired" if self.expired else "live"
