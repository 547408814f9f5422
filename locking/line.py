"""Waiting in line: which waiter wakes when, so that a release wakes one process and not all of them.

Each waiter puts a ticket beside the lock (`…/grading_waiters/{holder_id}`); the server's commit times order them. A
holder that had waited keeps its ticket, and its release deletes lock and ticket in one commit. So:

* a waiter listens to the ticket in front of it, or to the lock if nobody is: when that goes, it is its
  turn, and it tries at once;
* it listens to the one before that too. When that goes and the front stays, the front should take the lock
  now. If the lock is still free after a short stagger, the front is dead or asleep, and is passed over.

Tickets are hints. Nobody holds a lock because of one: safety is the store's create and replace alone, a lost
or stale ticket costs at most one safety poll, and a passed-over waiter that was only slow still gets its
turn.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import takewhile
from typing import Literal

from foundation.clock import Clock
from foundation.errors import LockStoreUnavailable
from locking.status import Claim
from locking.store import DocumentStore, Key, Watch
from locking.timings import LockTimings

Wake = Literal["turn", "overdue", "poll"]
"""`turn`: the one in front is gone, expect the lock to be free. `overdue`: the one in front should have taken
the lock by now, look whether it did. `poll`: nothing was heard, look all the same."""

# Far beyond any wait. A holder that waited and works for very long looks stale too: harmless, since its
# follower then listens to the lock itself.
_STALE_MICROSECONDS = 1800 * 1_000_000
_GARBAGE_AFTER = timedelta(days=1)


def waiters(lock: Key) -> str:
    """The collection of a lock's tickets, beneath the lock document."""
    return f"{lock.collection}/{lock.document_id}/grading_waiters"


class Line:
    """One waiter's place in line.

    Args:
        store: where the lock and the tickets live.
        claim: the acquisition that waits.
        timings: poll and stagger.
        clock: measures the waits.
    """

    def __init__(self, store: DocumentStore, claim: Claim, timings: LockTimings, clock: Clock) -> None:
        self._store = store
        self._claim = claim
        self._timings = timings
        self._clock = clock
        self._ticket = Key(waiters(claim.key), claim.holder_id)
        self._ticket_version: int | None = None
        self._ahead: list[Key] = []
        self._stale: list[Key] = []
        self._watch: Watch | None = None
        self._news = threading.Condition()
        self._front: Key | None = None
        self._front_gone = False
        self._broken = self._broken_told = False
        self._number = 0
        self._overdue_at: float | None = None

    @property
    def listening(self) -> bool:
        """Whether news would reach us; if not, join again."""
        return self._watch is not None and self._watch.alive and not self._broken

    def join(self, *, timeout: float) -> None:
        """Take a place in line, or find it again, and listen to those in front.

        Raises:
            StoreUnanswered: no place yet; the safety poll carries the wait meanwhile.
        """
        self._stop_listening()
        if self._ticket_version is None:
            self._put_ticket(timeout)
        tickets = self._store.versions(self._ticket.collection, timeout=timeout)
        if all(key != self._ticket for key, _ in tickets):  # passed over, or the store was emptied
            self._put_ticket(timeout)
            tickets = self._store.versions(self._ticket.collection, timeout=timeout)
        ahead = list(takewhile(lambda ticket: ticket[0] != self._ticket, tickets))
        self._ticket_version = next((version for _, version in tickets[len(ahead) :]), None)
        stale_before = (self._ticket_version or 0) - _STALE_MICROSECONDS
        self._stale = [key for key, version in ahead if version < stale_before]
        self._ahead = [key for key, version in ahead if version >= stale_before]
        self._listen([self._claim.key, *self._ahead][-2:])

    def wait(self, seconds: float) -> Wake:
        """Wait until there is a reason to look at the lock, at most `seconds`."""
        until = self._clock.monotonic() + seconds
        with self._news:
            while not self._front_gone:
                now = self._clock.monotonic()
                if self._broken and not self._broken_told:
                    self._broken_told = True  # once: until the line is joined again, polling carries the wait
                    return "poll"
                if self._overdue_at is not None and now >= self._overdue_at:
                    self._overdue_at = None
                    return "overdue"
                if now >= until:
                    return "poll"
                self._news.wait(min(until, self._overdue_at or until) - now)
            return "turn"

    def follows(self, holder_id: str) -> bool:
        """Whether we are next in line after this holder."""
        return not self._ahead or self._ahead[-1].document_id == holder_id

    def leave(self, *, timeout: float) -> None:
        """Give up waiting: stop listening and take the ticket away, as far as the store answers."""
        self._stop_listening()
        if self._ticket_version is not None:
            with suppress(LockStoreUnavailable):
                self._store.delete(self._ticket, if_version=self._ticket_version, timeout=timeout)

    def step_up(self, *, in_turn: bool) -> list[Key]:
        """Stop listening, with the lock acquired; the ticket stays in line until the release.

        Args:
            in_turn: False if the lock was free and nobody in front took it: they are passed over.

        Returns:
            The tickets to delete with the lock: ours, dead ones, and those passed over.
        """
        self._stop_listening()
        ours = [] if self._ticket_version is None else [self._ticket]
        return [*ours, *self._stale, *([] if in_turn else self._ahead)]

    def _put_ticket(self, timeout: float) -> None:
        fields = {
            "holder_id": self._claim.holder_id,
            "operation_id": self._claim.operation_id,
            "expires_at": self._clock.now() + _GARBAGE_AFTER,
        }
        self._store.create(self._ticket, fields, timeout=timeout)

    def _listen(self, keys: Sequence[Key]) -> None:
        front = keys[-1]
        with self._news:
            self._front, self._front_gone, self._overdue_at = front, False, None
            self._broken, self._broken_told, self._number = False, False, self._number + 1
            number = self._number
        self._watch = self._store.watch(
            keys, lambda key, exists: self._hear(front, key, exists), lambda: self._break(number)
        )

    def _break(self, number: int) -> None:
        """The listener has ended by itself: the waiter looks at once, and listens anew."""
        with self._news:
            if number == self._number:
                self._broken = True
                self._news.notify_all()

    def _hear(self, front: Key, key: Key, exists: bool) -> None:
        with self._news:
            if front != self._front:
                return  # late news from a listener that was closed
            if key == front:
                self._front_gone = not exists
            else:
                self._overdue_at = None if exists else self._clock.monotonic() + self._timings.stagger_seconds
            self._news.notify_all()

    def _stop_listening(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
