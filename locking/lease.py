"""A held lock: renewed in the background, honest when it is lost, released exactly once.

Why a renewal is safe: it replaces only the version that this holder wrote last, so it succeeds only if
nobody else has held the lock in between. Why a release is safe: it deletes only that version. If either
is refused, or its answer is lost, the document is read: if the holder is still this one, an earlier answer
was lost, and its version is adopted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from foundation.clock import Clock, Deadline
from foundation.errors import LeaseLost, LockStoreUnavailable
from foundation.events import EventLog
from locking.reminders import REMINDERS
from locking.retry import RETRIED, Silence
from locking.status import Claim, LockStatus
from locking.store import Change, DocumentStore, Key
from locking.timings import LockTimings

_RETRIES_PER_RENEWAL = 5
# A release at the very deadline still deserves one call.
_LAST_CALL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The store's word that a lock is ours.

    Attributes:
        version: the document's version now.
        token: the version at the acquisition.
        since: a moment on the monotonic clock that is not after the server's commit of `version`.
        taken_from: the holder whose lease had ended, in a takeover.
    """

    version: int
    token: int
    since: float
    taken_from: LockStatus | None = None


class Lease:
    """The right to work, for as long as `ensure_held()` does not raise. Comes from `DistributedLock.acquire`.

    Attributes:
        holder_id: a UUID of this acquisition alone.
        operation_id: the caller's name for its operation.
        key: the lock document.
        token: the fencing token: the server's commit time of the acquisition in microseconds since the
            epoch. Every later holder of this lock has a greater one.
        waited_seconds: from the call to the acquisition.
        contended: whether someone else held the lock at first.
        waited_for: who held it then, `holder_id (operation_id)`; empty if nobody did.
        taken_from: the previous holder, where this one replaced it after its lease had ended.
        taken_over_from: the same as text; empty if it was no takeover.
    """

    def __init__(
        self,
        *,
        store: DocumentStore,
        claim: Claim,
        grant: Grant,
        timings: LockTimings,
        clock: Clock,
        events: EventLog,
        deadline: Deadline | None,
        waited_seconds: float,
        rival: LockStatus | None,
        tickets: Sequence[Key],
        renews_itself: bool = True,
    ) -> None:
        self.holder_id = claim.holder_id
        self.operation_id = claim.operation_id
        self.key = claim.key
        self.token = grant.token
        self.waited_seconds = waited_seconds
        self.contended = rival is not None
        self.waited_for = "" if rival is None else rival.holder
        self.taken_from = grant.taken_from
        self.taken_over_from = "" if grant.taken_from is None else grant.taken_from.holder
        self._store = store
        self._claim = claim
        self._timings = timings
        self._clock = clock
        self._events = events
        self._deadline = deadline
        self._tickets = tickets
        self._acquired = clock.monotonic()
        self._mutex = threading.RLock()  # a signal handler may abandon in the midst of ensure_held
        self._version = grant.version
        self._renewed = grant.since
        self._heartbeat = 0
        self._lost: str | None = None
        self._told_lost = False
        self._abandoned = False
        self._stop = threading.Event()
        self._renewal: threading.Thread | None = None
        self._reminder = REMINDERS.after(timings.renew_every_seconds, self._start_renewal) if renews_itself else None

    @property
    def held(self) -> bool:
        """Whether the lock is still known to be ours."""
        return self._why_not_held() is None

    def ensure_held(self) -> None:
        """Call before each step that cannot be undone. Costs no RPC.

        It looks at the time too, since after a freeze of the process the renewal may not have noticed yet:
        the lease is counted from before the last renewal was sent, so it ends here before it ends on the
        server.

        Raises:
            LeaseLost: someone else holds the lock, or may: the lease has run out unrenewed.
        """
        reason = self._why_not_held()
        if reason is not None:
            self._tell_lost(reason)
            raise LeaseLost(f"lost the lock {self.key}: {reason}")

    def abandon(self) -> None:
        """Let the lock expire instead of releasing it: for work that may still take effect after we are gone.

        Renewal stops; the lock stays until its lease ends, and the next holder takes over.
        """
        self._abandoned = True
        self._stop_renewal()

    def close(self, *, unanswered: bool = False) -> None:
        """Stop renewing and release, or leave the lock as it is if it was abandoned or lost.

        `unanswered` says that it was released before, and no answer came. Never raises for what the store does: the
        work is done, and an unreleased lock expires.
        """
        self._stop_renewal()
        outcome, detail = ("left", "abandoned") if self._abandoned else self._release(unanswered)
        held_ms = round((self._clock.monotonic() - self._acquired) * 1000)
        if outcome == "released":
            self.released()
        elif outcome == "left":
            message = f"left {self.key} to expire: {detail}"
            self._events.emit("lock_left", message, "WARNING", held_ms=held_ms, reason=detail)
        else:
            self._tell_lost(detail)

    def _why_not_held(self) -> str | None:
        with self._mutex:
            if self._lost is not None:
                return self._lost
            silent = self._clock.monotonic() - self._renewed
        if silent > self._timings.lease_seconds:
            return f"not renewed for {silent:.1f} s, with a lease of {self._timings.lease_seconds:g} s"
        return None

    def _tell_lost(self, reason: str) -> None:
        with self._mutex:
            told, self._told_lost = self._told_lost, True
        if not told:
            held_ms = round((self._clock.monotonic() - self._acquired) * 1000)
            self._events.emit("lock_lost", f"lost {self.key}: {reason}", "ERROR", held_ms=held_ms, reason=reason)

    def _start_renewal(self) -> None:
        with self._mutex:
            if not self._stop.is_set():
                self._renewal = threading.Thread(target=self._renew_until_stopped, name="lock-renewal", daemon=True)
                self._renewal.start()

    def _stop_renewal(self) -> None:
        """Returns with no renewal under way: the version stands still from now on."""
        if self._reminder is not None:
            self._reminder.cancel()
        with self._mutex:
            self._stop.set()
        if self._renewal is not None:
            self._renewal.join()

    def _renew_until_stopped(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            if self._deadline is not None and self._deadline.expired:
                return  # a hung main thread must not keep the lock for ever
            started = self._clock.monotonic()
            try:
                if not self.renew(started):
                    return
                pause = self._timings.renew_every_seconds - (self._clock.monotonic() - started)
            except LockStoreUnavailable:
                pause = self._timings.renew_every_seconds / _RETRIES_PER_RENEWAL

    def renewal(self) -> Change:
        """What renews the lock, for whoever renews several with one commit; see `renewed`."""
        self._heartbeat += 1
        fields = self._claim.fields(self._clock.now(), token=self.token, heartbeat=self._heartbeat)
        return Change(self.key, fields, self._version)

    def renewed(self, version: int, started: float) -> None:
        """The renewal was carried out: `version` is the document's now, `started` a moment before it was sent."""
        with self._mutex:
            self._version, self._renewed = version, started

    def release(self) -> Sequence[Change]:
        """What releases the lock, for whoever releases several with one commit; see `released`. No renewal may be under
        way."""
        return [Change(self.key, None, self._version), *(Change(ticket) for ticket in self._tickets)]

    def released(self) -> None:
        """The lock was released."""
        held_ms = round((self._clock.monotonic() - self._acquired) * 1000)
        self._events.emit("lock_released", f"released {self.key}", held_ms=held_ms)

    @property
    def renewable(self) -> bool:
        """Whether the lock is to be renewed and released: it was neither abandoned nor lost."""
        with self._mutex:
            return self._lost is None and not self._abandoned

    def renew(self, started: float) -> bool:
        """Renew once; False if the lock is lost. Raises `LockStoreUnavailable`."""
        timeout = self._timings.rpc_timeout_seconds
        change = self.renewal()
        version = self._store.replace(self.key, change.fields or {}, if_version=self._version, timeout=timeout)
        if version is None:
            started = self._clock.monotonic()
            status = self._look(timeout)
            if status is None or status.holder_id != self.holder_id:
                with self._mutex:
                    self._lost = _whose(status)
                self._tell_lost(self._lost)
                return False
            version, started = status.version, started - status.heartbeat_age_seconds
        self.renewed(version, started)
        return True

    def _release(self, unanswered: bool) -> tuple[Literal["released", "left", "lost"], str]:
        left = self._timings.outage_seconds if self._deadline is None else self._deadline.remaining()
        limit_seconds = min(self._timings.outage_seconds, max(_LAST_CALL_SECONDS, left))
        silence = Silence(self._timings, self._clock, limit_seconds=limit_seconds)
        while True:
            try:
                if self._store.delete(self.key, if_version=self._version, also=self._tickets, timeout=silence.timeout):
                    return "released", ""
                status = self._look(silence.timeout)
            except RETRIED as error:
                try:
                    silence.after(error)
                except LockStoreUnavailable as outage:
                    return "left", str(outage)
                continue
            except LockStoreUnavailable as refusal:
                return "left", str(refusal)
            if status is None or status.holder_id != self.holder_id:
                # Gone after an unanswered delete: that delete was carried out.
                return ("released", "") if unanswered or silence.unanswered else ("lost", _whose(status))
            self._version = status.version

    def _look(self, timeout: float) -> LockStatus | None:
        document = self._store.read(self.key, timeout=timeout)
        return None if document is None else LockStatus.of(document)


def _whose(status: LockStatus | None) -> str:
    if status is None:
        return "it was removed"
    return f"{status.holder_id} ({status.operation_id}) holds it"
