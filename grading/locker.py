"""Takes the locks of a run, or lets it proceed without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from foundation.clock import Deadline
from foundation.errors import LockAcquisitionError, LockError, LockStoreUnavailable
from foundation.events import EventLog
from grading.batch import Batch
from grading.hold import NOT_REQUESTED, Hold, LeaseLike, NotHeld
from grading.processors import Processor
from grading.run import Request


class HeldLease(LeaseLike, Protocol):
    """A lease that also records how long the run waited for it, and for whom."""

    @property
    def waited_seconds(self) -> float: ...

    @property
    def waited_for(self) -> str: ...

    @property
    def taken_over_from(self) -> str: ...


class Lock(Protocol):
    """One type of lock, of which each key is taken on its own."""

    def acquire(
        self,
        game_date: date | str,
        operation_id: str,
        max_wait_seconds: float = ...,
        *,
        deadline: Deadline | None = ...,
    ) -> AbstractContextManager[HeldLease]: ...

    def acquire_all(
        self, operation_ids: Mapping[date, str], *, deadline: Deadline | None = ...
    ) -> AbstractContextManager[Mapping[date, HeldLease | LockError]]: ...


LockOfType = Callable[[str, EventLog], Lock]

_LONGEST_PUBLISH_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Locker:
    """Takes a date's lock and, around a publish, its table's.

    A lock that is not to be had never stops a run: the publish is as safe without it (see `grading.writing.publish`).
    """

    lock_of_type: LockOfType
    max_wait_seconds: float
    write_reserve_seconds: float

    @contextmanager
    def hold(
        self, processor: Processor, request: Request, deadline: Deadline, events: EventLog, *, use_lock: bool = True
    ) -> Iterator[Hold]:
        """Hold the processor's lock of the date, waiting no longer than leaves the reserve for the write."""
        with ExitStack() as stack:
            if not use_lock:
                events.emit("lock_skipped", "writing without the lock, as asked", "WARNING")
                yield NOT_REQUESTED
                return
            operation_id = _operation(processor, request)
            wait = min(self.max_wait_seconds, deadline.remaining(self.write_reserve_seconds))
            started = deadline.clock.monotonic()
            try:
                lock = self.lock_of_type(processor.lock_type, events)
                lease = stack.enter_context(lock.acquire(request.date, operation_id, wait, deadline=deadline))
            except LockError as error:
                hold = _without(error, started, deadline)
                _tell_unlocked(hold, events)
            else:
                hold = _held(lease, started, deadline)
            yield hold

    @contextmanager
    def hold_all(self, batch: Batch, events: EventLog, *, use_lock: bool = True) -> Iterator[Mapping[date, Hold]]:
        """Hold the locks of a batch's dates; that of a single date is waited for, see `hold`.

        Of several dates those that someone else holds are left out: whoever waits while holding others may wait for
        ever. Once the store has given no answer, the other dates go without their locks, and one hold tells of it.
        """
        if len(batch) == 1:
            run = batch.only
            with self.hold(run.processor, run.request, run.deadline, events, use_lock=use_lock) as hold:
                yield {run.date: hold}
            return
        if not use_lock:
            events.emit("lock_skipped", "writing without the locks, as asked", "WARNING")
            yield dict.fromkeys(batch.days, NOT_REQUESTED)
            return
        lock = self.lock_of_type(batch.processor.lock_type, events)
        claims = {run.date: _operation(run.processor, run.request) for run in batch}
        started = batch.deadline.clock.monotonic()
        with lock.acquire_all(claims, deadline=batch.deadline) as taken:
            holds: dict[date, Hold] = {}
            for day, found in taken.items():
                if isinstance(found, LockStoreUnavailable):
                    reported = any(hold.failure for hold in holds.values())
                    holds[day] = _without(found, started, batch.deadline, reported=reported)
                elif not isinstance(found, LockError):
                    holds[day] = _held(found, started, batch.deadline)
            for hold in holds.values():
                if hold.failure and not hold.reported:
                    _tell_unlocked(hold, events)
            yield holds

    @contextmanager
    def publishing(self, batch: Batch, events: EventLog) -> Iterator[None]:
        """Serialise publishes to one table for a moment, so that two dates do not abort each other. A lock store that
        did not answer for one of the dates is not asked again."""
        run = batch.lead
        with ExitStack() as stack:
            wait = min(_LONGEST_PUBLISH_WAIT_SECONDS, batch.deadline.remaining() / 2)
            if all(each.hold.failure is not NotHeld.UNAVAILABLE for each in batch):
                try:
                    lock = self.lock_of_type("publish", events)
                    stack.enter_context(lock.acquire(run.target.table, run.run_id, wait, deadline=run.deadline))
                except LockError as error:
                    events.emit("publish_lock_skipped", f"{error}; aborted publishes are retried instead", "WARNING")
            yield


def _operation(processor: Processor, request: Request) -> str:
    return f"{processor.name}:{request.date}:{request.event_id or request.trigger_source}"


def _held(lease: HeldLease, started: float, deadline: Deadline) -> Hold:
    return Hold(
        lease=lease,
        wait_ms=round(lease.waited_seconds * 1000),
        requested_at=started,
        acquired_at=deadline.clock.monotonic(),
        waited_for=lease.waited_for,
        taken_over_from=lease.taken_over_from,
    )


def _without(error: LockError, started: float, deadline: Deadline, *, reported: bool = False) -> Hold:
    return Hold(
        wait_ms=round((deadline.clock.monotonic() - started) * 1000),
        failure=NotHeld.TIMEOUT if isinstance(error, LockAcquisitionError) else NotHeld.UNAVAILABLE,
        detail=str(error),
        blocked_by=getattr(error, "holder", None) or "",
        waited_for=getattr(error, "holder", None) or "",
        requested_at=started,
        reported=reported,
    )


def _tell_unlocked(hold: Hold, events: EventLog) -> None:
    events.emit(
        "lock_unavailable",
        f"{hold.detail}; the write proceeds without the lock, fenced by its data token",
        "CRITICAL",
        reason=str(hold.failure),
        wait_ms=hold.wait_ms,
    )
