"""One acquisition: create, adopt, take over, or wait in line.

Why it is safe: a holder is made by a create that succeeds only if no document is, or by a replace that
succeeds only on the very version whose lease was seen to have ended. Two contenders cannot both succeed. The
age of that version is the server's read time minus its commit time, so no contender's clock takes part.

If an answer is lost, the step is simply repeated: it finds the lock held by our own holder id and adopts it.
"""

from __future__ import annotations

import random
from contextlib import suppress

from foundation.clock import Clock, Deadline
from foundation.errors import LockAcquisitionError, LockStoreUnavailable
from foundation.events import EventLog
from locking.lease import Grant
from locking.line import Line, Wake, waiters
from locking.retry import RETRIED, Silence
from locking.status import Claim, LockStatus
from locking.store import DocumentStore, Key
from locking.timings import LockTimings

# Past the moment at which the lease can have ended: the server says "older than", and answers take time.
_EXPIRY_MARGIN_SECONDS = 0.01
# A dead holder's follower takes over first; the others look a little later, and not all at once.
_YIELD_SECONDS = (0.2, 0.5)
_POLL_JITTER = (0.75, 1.25)
_DEAF_POLL_SECONDS = 1.0
# A call begun at the end of a wait still needs a moment to be answered.
_LAST_CALL_SECONDS = 1.0
_LEAVE_SECONDS = 1.0


class Acquisition:
    """Waits for one lock on behalf of one claim.

    Args:
        store: the lock store.
        claim: who wants which lock.
        wait_seconds: the longest wait; 0 tries once.
        timings: leases, timeouts and polls.
        clock: measures the wait.
        events: receives an event when a wait begins.
        deadline: ends the wait too.
    """

    def __init__(
        self,
        store: DocumentStore,
        claim: Claim,
        wait_seconds: float,
        timings: LockTimings,
        clock: Clock,
        events: EventLog,
        deadline: Deadline | None = None,
    ) -> None:
        self._store = store
        self._claim = claim
        self._wait_seconds = wait_seconds
        self._deadline = deadline
        self._timings = timings
        self._clock = clock
        self._events = events
        self._began = clock.monotonic()
        self._silence = Silence(timings, clock)
        self._line = Line(store, claim, timings, clock)
        self._rival: LockStatus | None = None
        self._rival_seen = self._began
        self._passing = False
        self.tickets: list[Key] = []
        self.waited = False

    @property
    def waited_seconds(self) -> float:
        return self._clock.monotonic() - self._began

    @property
    def contended(self) -> bool:
        """Whether someone else was seen holding the lock."""
        return self._rival is not None

    @property
    def rival(self) -> LockStatus | None:
        """The holder that was seen last, if any was."""
        return self._rival

    def run(self) -> Grant:
        """Acquire the lock.

        Raises:
            LockAcquisitionError: held by someone else for the whole wait.
            LockStoreUnavailable: the store gave no usable answer.
        """
        grant = None
        wake: Wake = "turn"  # the first try expects a free lock: uncontended, that is one RPC
        try:
            while True:
                try:
                    grant = self._attempt(wake)
                    if grant is not None:
                        self._step_up(grant)
                        return grant
                except RETRIED as error:
                    self._silence.after(error)
                    self._check_time()
                    continue
                self._check_time()
                self._tell_waiting()
                if wake == "turn" or not self._line.listening:
                    with suppress(LockStoreUnavailable):  # without a place in line, polling carries the wait
                        self._line.join(timeout=self._timeout)
                wake = self._line.wait(self._until_next_look())
                self._check_time()
                self._silence.begin()
        finally:
            if grant is None:
                self._line.leave(timeout=min(_LEAVE_SECONDS, self._timings.rpc_timeout_seconds))

    def _attempt(self, wake: Wake) -> Grant | None:
        """Take the lock if it is free, ours already or expired; None if it is held."""
        claim, create = self._claim, wake == "turn"
        while True:
            started = self._clock.monotonic()
            if create:
                fields = claim.fields(self._clock.now())
                version = self._store.create(claim.key, fields, timeout=self._timeout)
                if version is not None:
                    return Grant(version=version, token=version, since=started)
                started = self._clock.monotonic()
            document = self._store.read(claim.key, timeout=self._timeout)
            if document is None:
                # Free, and it is not our turn: whoever is in front gets one more moment.
                self._passing = wake == "overdue" or self._line.wait(self._timings.stagger_seconds) != "turn"
                create = True
                continue
            status = LockStatus.of(document)
            if status.holder_id == claim.holder_id:
                since = started - document.age_seconds
                return Grant(version=status.version, token=status.token, since=since)
            self._saw(status)
            if not status.expired:
                return None
            started = self._clock.monotonic()
            fields = claim.fields(self._clock.now())
            version = self._store.replace(claim.key, fields, if_version=status.version, timeout=self._timeout)
            if version is not None:
                return Grant(version=version, token=version, since=started, taken_from=status)
            create = False

    def _saw(self, rival: LockStatus) -> None:
        self._rival, self._rival_seen = rival, self._clock.monotonic()

    def _tell_waiting(self) -> None:
        rival = self._rival
        if self.waited or rival is None:
            return
        self.waited = True
        self._events.emit(
            "lock_waiting",
            f"{self._claim.key} has been held by {rival.operation_id} for {rival.held_seconds:.1f} s: waiting",
            held_by=rival.holder_id,
            held_by_operation=rival.operation_id,
        )

    def _step_up(self, grant: Grant) -> None:
        taken_from = grant.taken_from
        self.tickets = self._line.step_up(in_turn=taken_from is not None or not self._passing)
        if taken_from is not None:
            self.tickets.append(Key(waiters(self._claim.key), taken_from.holder_id))

    @property
    def _left_seconds(self) -> float:
        left = self._wait_seconds - self.waited_seconds
        # Asked anew each time: a process that is told to stop has less time than it had.
        return left if self._deadline is None else min(left, self._deadline.remaining())

    @property
    def _timeout(self) -> float:
        return min(self._silence.timeout, max(_LAST_CALL_SECONDS, self._left_seconds))

    def _check_time(self) -> None:
        if self._left_seconds > 0:
            return
        waited = self.waited_seconds
        if self._silence.unanswered:
            raise LockStoreUnavailable(f"the lock store did not answer within the wait of {waited:.1f} s")
        holder = None if self._rival is None else self._rival.holder
        raise LockAcquisitionError(
            f"waited {waited:.1f} s for {self._claim.key}, held by {holder or 'someone else'}",
            holder=holder,
            waited_seconds=waited,
        )

    def _until_next_look(self) -> float:
        """Seconds until the next safety poll, the moment the lease can have ended, or the end of the wait."""
        look = self._timings.safety_poll_seconds
        if not self._line.listening:
            look = min(look, _DEAF_POLL_SECONDS)
        look *= random.uniform(*_POLL_JITTER)  # noqa: S311
        rival = self._rival
        if rival is not None:
            elapsed = self._clock.monotonic() - self._rival_seen
            ends = rival.lease_seconds - rival.heartbeat_age_seconds - elapsed + _EXPIRY_MARGIN_SECONDS
            if not self._line.follows(rival.holder_id):
                ends += random.uniform(*_YIELD_SECONDS)  # noqa: S311
            look = min(look, ends)
        return max(0.0, min(look, self._left_seconds))
