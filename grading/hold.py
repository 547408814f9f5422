"""What a run knows of its lock: held with a lease, or proceeding without.

A run that could not get its lock proceeds all the same. That is safe: the transaction conflicts with any
other publish of the table, and the data token refuses the older of two stagings, lock or no lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class LeaseLike(Protocol):
    """The part of a lease that a run uses."""

    @property
    def holder_id(self) -> str: ...

    def ensure_held(self) -> None:
        """Raise `LeaseLost` unless the lock is certainly still ours."""

    def abandon(self) -> None:
        """Leave the lock to expire, instead of releasing it: a write may still commit."""


class NotHeld(StrEnum):
    """Why a run has no lock."""

    NOT_REQUESTED = "not requested"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A lease, or none: then `failure` says why, `detail` in words, and `blocked_by` who held the lock instead,
    if that is known.

    `requested_at` and `acquired_at` are moments of the monotonic clock. `waited_for` is the holder seen last before
    ours, `taken_over_from` the one whose lease had ended: its id, and its operation in brackets. `reported` says
    that the alert of another date of the batch names the failure.
    """

    lease: LeaseLike | None = None
    wait_ms: int = 0
    failure: NotHeld | None = None
    detail: str = ""
    blocked_by: str = ""
    requested_at: float | None = None
    acquired_at: float | None = None
    waited_for: str = ""
    taken_over_from: str = ""
    reported: bool = False

    @property
    def locked(self) -> bool:
        return self.lease is not None

    @property
    def holder_id(self) -> str:
        return self.lease.holder_id if self.lease else ""

    def ensure_held(self) -> None:
        """Raise `LeaseLost` if a lock was taken and is ours no longer."""
        if self.lease:
            self.lease.ensure_held()

    def abandon(self) -> None:
        """Do not release: a write of this run may still commit."""
        if self.lease:
            self.lease.abandon()


NOT_REQUESTED = Hold(failure=NotHeld.NOT_REQUESTED)
