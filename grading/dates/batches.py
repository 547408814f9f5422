"""Many dates of one processor, in batches: how many at once, and what becomes of a batch that fails.

An event that waits for a date of a batch waits for the batch. So a batch is no longer than holds its locks for a minute
and its transaction for half of one, judged by the last batch's times. It is halved if what failed may lie in one of its
dates, or in their number: in the end one date fails by itself, and the others are published.

A date that someone else holds comes at the end, when waiting for it holds up no other: the first by itself, and those
that are free by then as a batch again. So who died with many dates, or wrote them as a batch, is waited for once.
Nobody waits while he holds a lock, so that two backfills that meet cannot wait for each other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Protocol, TypeVar

from foundation.clock import Clock, Deadline
from foundation.errors import GradingError, InvalidRow, StatementRefused, UnknownFailure
from foundation.events import EventLog
from grading.batch import Ended
from grading.dates.survey import Work
from grading.outcome import Outcome
from grading.run import Request
from grading.service import GradingService

MAX_DATES = 240
FIRST_DATES = 60
MAX_ROWS = 1_000_000
HOLD_SECONDS = 60.0
TRANSACTION_SECONDS = 30.0
_GROWTH = 2.0
_AIM = 0.5
# What lies in one date says nothing of how many there may be.
_OF_ITS_DATA = (StatementRefused, InvalidRow, UnknownFailure)


@dataclass(slots=True)
class BatchSize:
    """How many dates, and rows, the next batch may have.

    Args:
        dates: the most dates; the size never grows beyond it.
        rows: the most rows that are graded at once.
    """

    dates: int = MAX_DATES
    rows: int = MAX_ROWS
    _next: float = FIRST_DATES
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    @property
    def next(self) -> int:
        return max(1, min(self.dates, int(self._next)))

    def took(self, dates: int, held_seconds: float, transaction_seconds: float) -> None:
        """A batch held its locks for so long, and its transaction was so long: the next one may be as big as would take
        half of the limits, since the next may be slower, and at most twice as big."""
        if dates < 1:
            return
        share = max(held_seconds / HOLD_SECONDS, transaction_seconds / TRANSACTION_SECONDS, 0.001) / _AIM
        fits = dates / share
        with self._mutex:
            self._next = max(1.0, min(fits, max(self._next, dates * _GROWTH)))

    def failed(self, dates: int) -> None:
        """A batch of so many dates was too many."""
        with self._mutex:
            self._next = max(1.0, min(self._next, dates / 2))


Day = date


class Dated(Protocol):
    """How a date ended."""

    @property
    def date(self) -> Day: ...


R = TypeVar("R", bound=Dated)


def graded(
    service: GradingService, request_of: Callable[[Work], Request]
) -> Callable[[Sequence[Work], Deadline], Ended[Outcome]]:
    """What grades a batch; `request_of` says why a date is graded."""
    return lambda works, deadline: service.run_all(works[0].processor, [request_of(work) for work in works], deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches(Generic[R]):
    """Runs the dates of a phase.

    Args:
        run_all: runs a batch, and says how each of its dates ended; see `GradingService.run_all`.
        clock: measures a batch.
        events: logs a batch that is halved.
        deadline: until when a batch that begins now must have ended; None if none may begin.
        size: how big a batch may be; it learns from those that have ended.
        rows_of: the rows that a date is expected to have.
        started: receives each date that begins.
        finished: receives each date that ended.
        concurrency: how many batches at once.
    """

    run_all: Callable[[Sequence[Work], Deadline], Ended[R]]
    clock: Clock
    events: EventLog
    deadline: Callable[[], Deadline | None]
    size: BatchSize
    rows_of: Mapping[date, int] = field(default_factory=dict)
    started: Callable[[Work], object] = lambda _work: None
    finished: Callable[[Work, R], object] = lambda _work, _outcome: None
    concurrency: int = 1
    _begun: set[Work] = field(default_factory=set)

    def run(self, phase: Sequence[Work]) -> dict[Work, R | None]:
        """How each date of a phase ended, which is of one processor; None for those that did not begin.

        Dates that others hold come last, and are waited for one at a time.
        """
        ended, held = self._together(phase)
        if held:
            ended |= self._part((held[0],)).ended
            more, held = self._together(held[1:])
            ended |= more
        for work in held:
            ended |= self._part((work,)).ended
        return {work: ended.get(work) for work in phase}

    def _together(self, works: Sequence[Work]) -> tuple[dict[Work, R | None], list[Work]]:
        """Run some dates in batches: how each ended, and those that others hold, in the order of the dates."""
        ended: dict[Work, R | None] = {}
        later: list[Work] = []
        queue, running = deque([tuple(works)] if works else []), set[Future[_Part[R]]]()
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="batch") as pool:
            while queue or running:
                while queue and len(running) < self.concurrency:
                    running.add(pool.submit(self._part, self._take(queue)))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    part = future.result()
                    ended |= part.ended
                    later += part.held
                    queue.extendleft(reversed(part.again))
        return ended, sorted(later, key=lambda work: work.date)

    def _take(self, queue: deque[tuple[Work, ...]]) -> tuple[Work, ...]:
        """The next batch: as many dates of the next part as one may have."""
        part = queue.popleft()
        taken, rows = 0, 0
        for work in part[: self.size.next]:
            rows += self.rows_of.get(work.date, 0)
            if taken and rows > self.size.rows:
                break
            taken += 1
        if rest := part[taken:]:
            queue.appendleft(rest)
        return part[:taken]

    def _part(self, works: tuple[Work, ...], error: GradingError | None = None) -> _Part[R]:
        """Run some dates as one batch; `error` is that of the attempt before, if it is not known."""
        deadline = self.deadline()
        if deadline is None:
            return _Part(dict.fromkeys(works))
        for work in works:
            if work not in self._begun:
                self._begun.add(work)
                self.started(work)
        began = self.clock.monotonic()
        ended = self.run_all(works, deadline)
        if ended.split is not None:
            return self._split(works, ended, error)
        if len(works) > 1:
            self.size.took(len(ended.outcomes), self.clock.monotonic() - began, ended.transaction_seconds)
        by_date = {work.date: work for work in works}
        found = {by_date[outcome.date]: outcome for outcome in ended.outcomes}
        for work, outcome in found.items():
            self.finished(work, outcome)
        return _Part({**found}, [by_date[day] for day in ended.held])

    def _split(self, works: tuple[Work, ...], ended: Ended[R], before: GradingError | None) -> _Part[R]:
        if isinstance(ended.split, UnknownFailure) and before is None:
            return self._part(works, ended.split)
        left = [work for work in works if work.date not in ended.held]
        if not isinstance(ended.split, _OF_ITS_DATA):
            self.size.failed(len(left))
        half = -(-len(left) // 2)
        self.events.emit(
            "batch_halved",
            f"a batch of {len(left)} dates of {works[0].processor.name} is tried in halves: {ended.split}",
            "WARNING",
            processor=works[0].processor.name,
            dates=len(left),
            first=left[0].date.isoformat(),
            last=left[-1].date.isoformat(),
        )
        halves = [tuple(left[:half]), tuple(left[half:])]
        held = [work for work in works if work.date in ended.held]
        return _Part({}, held, [half for half in halves if half])


@dataclass(frozen=True, slots=True)
class _Part(Generic[R]):
    """What became of some dates: those that ended, those that others hold, and what is to be tried in smaller parts."""

    ended: dict[Work, R | None]
    held: Sequence[Work] = ()
    again: Sequence[tuple[Work, ...]] = ()
