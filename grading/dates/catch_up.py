"""Catch-up: what no event has graded is graded all the same.

It asks the tables, not a history of events: a recent date is due where its grades are not what its box scores
give now, and an aggregate where the grades that it reads are newer. So neither an outage nor late box scores
leave a date behind, and a second run has nothing to do.

Why it is safe to be delivered twice, or beside the schedule: each run goes through the lock and the fence like
any other, and asks for data no older than what was read here; what someone else published since then satisfies it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from foundation.clock import Deadline
from foundation.errors import DeadlineExceeded, Transient
from foundation.events import EventLog
from grading.dates.survey import DateState, Ledger, Work, aggregate_due, grading_due, read_dates, read_ledger
from grading.outcome import Outcome, Status
from grading.processors import AGGREGATES
from grading.run import Request
from grading.service import GradingService
from warehouse.jobs import Jobs

DEFAULT_DAYS = 7

# The last games of a date end after its midnight, and its scheduled run comes in the morning.
_OVER_AFTER = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpReport:
    """What a catch-up did, what it had no time for, and which dates still wait for their box scores."""

    outcomes: Sequence[Outcome] = ()
    left: Sequence[Work] = ()
    waiting: Sequence[date] = ()

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status is Status.FAILED]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Grades recent dates that are behind, then the aggregates that are.

    `after(outcomes)` is told of each date that was graded, at the end; `on_work(work)` of each run that begins.
    """

    service: GradingService
    events: EventLog
    after: Callable[[list[Outcome]], None] = lambda _outcomes: None
    on_work: Callable[[Work], None] = lambda _work: None

    def task(self, days: int | None, deadline: Deadline) -> None:
        """Catch up as one event does. Raises `Transient` where something is left: the redelivery goes on with it."""
        report = self.run(days or DEFAULT_DAYS, deadline)
        if report.left:
            raise DeadlineExceeded(f"catch-up: no time was left for {_named(report.left)}; the redelivery goes on")
        if any(outcome.transient for outcome in report.failed):
            raise Transient("; ".join(f"{o.processor} {o.date}: {o.detail}" for o in report.failed if o.transient))

    def run(self, days: int, deadline: Deadline) -> CatchUpReport:
        """Do what is due of the last `days` days and fits before the deadline, the reserve for a write kept.

        Dates before the setting `adopt_from` are left alone: they are another system's.

        Raises what `Warehouse.run` raises where the dates cannot be read.
        """
        first, last = recent(days, self.service.clock.now(), self.service.settings.local_date)
        if own := self.service.settings.first_own_date:
            first = max(first, own)
        if first > last:
            return CatchUpReport()
        worker = _Worker(self, deadline)
        states, ledger = self._survey(first, last, deadline)
        grading = list(grading_due(states, ledger))
        worker.do(grading, ledger)
        if grading:
            states, ledger = self._survey(first, last, deadline)
        for processor in AGGREGATES:
            worker.do(list(aggregate_due(processor, states, ledger)), ledger)
        report = CatchUpReport(
            outcomes=worker.outcomes,
            left=worker.left,
            waiting=[state.date for state in states if state.predictions and not state.with_box_score],
        )
        self._tell(report, first, last)
        for work in grading:
            self.after([outcome for outcome in report.outcomes if outcome.date == work.date])
        return report

    def _survey(self, first: date, last: date, deadline: Deadline) -> tuple[list[DateState], Ledger]:
        service = self.service
        # The ledger is read first: what is published in between looks behind, and is found satisfied later.
        jobs = Jobs.of(service.warehouse, "catch-up", deadline)
        ledger = read_ledger(service.settings, jobs, first, last)
        return read_dates(service.settings, jobs, first, last), ledger

    def _tell(self, report: CatchUpReport, first: date, last: date) -> None:
        done = sum(outcome.status.published for outcome in report.outcomes)
        self.events.emit(
            "catch_up_finished",
            f"catch-up of {first} to {last}: {done} runs published, {len(report.failed)} failed, "
            f"{len(report.left)} left, {len(report.waiting)} dates without box scores",
            "WARNING" if report.left or report.failed else "INFO",
            published=done,
            failed=len(report.failed),
            left=[f"{work.processor.name} {work.date}" for work in report.left],
            waiting=[day.isoformat() for day in report.waiting],
        )


@dataclass(slots=True)
class _Worker:
    catch_up: CatchUp
    deadline: Deadline
    outcomes: list[Outcome] = field(default_factory=list)
    left: list[Work] = field(default_factory=list)

    def do(self, due: Sequence[Work], ledger: Ledger) -> None:
        """Run the newest dates first; what does not fit is left."""
        service = self.catch_up.service
        for work in sorted(due, key=lambda work: work.date, reverse=True):
            if self.deadline.remaining(service.settings.write_reserve_seconds) <= 0:
                self.left.append(work)
                continue
            self.catch_up.on_work(work)
            self.catch_up.events.emit(
                "catch_up_run",
                f"{work.processor.name} {work.date}: {work.reason}",
                date=work.date.isoformat(),
                processor=work.processor.name,
                reason=work.reason,
            )
            request = Request(date=work.date, trigger_source="catch_up", published_ms=ledger.read_ms)
            self.outcomes.append(service.run(work.processor, request, self.deadline))


def recent(days: int, now: datetime, local_date: Callable[[datetime], date]) -> tuple[date, date]:
    """The first and the last of the last `days` dates that are over."""
    last = local_date(now - _OVER_AFTER) - timedelta(days=1)
    return last - timedelta(days=days - 1), last


def _named(work: Sequence[Work]) -> str:
    return ", ".join(f"{one.processor.name} {one.date}" for one in work)
