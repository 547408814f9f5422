"""A batch: runs of one processor, each of a date of its own, that are staged, measured and published together.

The unit of the write is a batch; a single date is a batch of one. What belongs to a date stays with its run: run id,
request, lock, fence entry, audit row and outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Generic, Self, TypeVar

from foundation import figures
from foundation.clock import Deadline
from foundation.errors import (
    DeadlineExceeded,
    GradingError,
    InvalidRow,
    PublishConflict,
    ResourcesExceeded,
    StatementRefused,
    UnknownFailure,
)
from grading.hold import Hold
from grading.processors import Processor
from grading.run import Run
from grading.settings import Settings
from warehouse.job_end import JobResult
from warehouse.jobs import Jobs
from warehouse.statements import Sql, TablePath

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs of one processor in the order of their dates, no two of one date.

    `lead` is the run whose query session the batch uses: job ids and staging tables carry its run id. It keeps its part
    if its own date leaves the batch.
    """

    lead: Run
    runs: tuple[Run, ...]

    @classmethod
    def of(cls, *runs: Run) -> Self:
        """A batch of one run or more."""
        ordered = tuple(sorted(runs, key=lambda run: run.date))
        return cls(ordered[0], ordered)

    def run_of(self, day: date) -> Run:
        """The run of a date. Raises `KeyError` if the batch has none."""
        for run in self.runs:
            if run.date == day:
                return run
        raise KeyError(day)

    def holding(self, holds: Mapping[date, Hold]) -> Self:
        """The dates that have an entry, each with its hold."""
        runs = tuple(replace(run, hold=holds[run.date]) for run in self.runs if run.date in holds)
        return replace(self, lead=runs[0] if runs else self.lead, runs=runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def without(self, days: Collection[date]) -> Self:
        """The batch without some dates; it may be empty."""
        return replace(self, runs=tuple(run for run in self.runs if run.date not in days))

    @property
    def only(self) -> Run:
        """The run of a batch of one. Not its `lead`, whose date may have left the batch."""
        (run,) = self.runs
        return run

    @property
    def days(self) -> Sequence[date]:
        return [run.date for run in self.runs]

    @property
    def processor(self) -> Processor:
        return self.lead.processor

    @property
    def settings(self) -> Settings:
        return self.lead.settings

    @property
    def target(self) -> TablePath:
        return self.lead.target

    @property
    def fence(self) -> TablePath:
        return self.lead.fence

    @property
    def jobs(self) -> Jobs:
        return self.lead.jobs

    @property
    def deadline(self) -> Deadline:
        return self.lead.deadline

    @property
    def name(self) -> str:
        """The dates for a person: the one, or how many from which to which."""
        if len(self.runs) == 1:
            return self.runs[0].lock_key
        return f"{figures.counted(len(self.runs), 'date')} from {self.runs[0].lock_key} to {self.runs[-1].lock_key}"

    @property
    def transaction_seconds(self) -> float:
        """How long its longest transaction took. Each run is asked: as dates drop out, another one leads."""
        return max((run.trace.transaction_seconds for run in self.runs), default=0.0)

    def staging(self) -> None:
        """Note in each run that the staging job is about to be sent."""
        for run in self.runs:
            run.trace.staging(self.deadline.clock.monotonic())

    def staged(self, job: JobResult) -> None:
        """Note in each run that the staging job has ended."""
        for run in self.runs:
            run.trace.staged(job)

    def staging_table(self) -> TablePath:
        """The path of a staging table that was never used."""
        return self.lead.staging_table()

    def values(self) -> Mapping[str, Sql]:
        """What the files that count and write by date are filled with; nothing that belongs to one date alone."""
        return self.lead.values_of_dates(self.days)


@dataclass(frozen=True, slots=True)
class Ended(Generic[R]):
    """How a batch ended: the outcome of each date; `held` are dates that someone else held, `split` the error for which
    a batch of several is to be tried in halves: nothing of it was published, recorded or alerted. Its longest
    transaction took `transaction_seconds`."""

    outcomes: Sequence[R] = ()
    held: Sequence[date] = ()
    split: GradingError | None = None
    transaction_seconds: float = 0.0


def may_be_of_one_date(error: GradingError) -> bool:
    """Whether a batch that failed so may succeed in parts: data that cannot be stored, or more than BigQuery can do at
    once. An outage would only be met again, and a write whose outcome is unknown must not be repeated in parts."""
    return isinstance(
        error, StatementRefused | InvalidRow | ResourcesExceeded | PublishConflict | DeadlineExceeded | UnknownFailure
    )


def in_halves(batch: Batch, ask: Callable[[Batch], Mapping[date, R]]) -> dict[date, R | GradingError]:
    """What `ask` answers for each date. If it fails for a batch of several, and may not for parts of it, it is asked
    for each half; the error of the others is the answer."""
    try:
        return {**ask(batch)}
    except GradingError as error:
        if len(batch) == 1 or not may_be_of_one_date(error):
            return dict.fromkeys(batch.days, error)
    half = -(-len(batch) // 2)
    first, second = batch.days[:half], batch.days[half:]
    return {**in_halves(batch.without(second), ask), **in_halves(batch.without(first), ask)}
