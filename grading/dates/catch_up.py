"""Catch-up: what no event has graded is graded all the same.

It asks the tables, not a history of events: a recent date is due where its grades are not what its box scores
give now, and an aggregate where the grades that it reads are newer. So neither an outage nor late box scores
leave a date behind, and a second run has nothing to do.

Why it is safe to be delivered twice, or beside the schedule: each run goes through the lock and the fence like
any other, and asks for data no older than what was read here; what someone else published since then satisfies it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from alerts import messages
from foundation.clock import Deadline
from foundation.errors import DeadlineExceeded, Transient
from foundation.events import EventLog
from grading.catch_up_window import CATCH_UP_DAYS, recent
from grading.dates.batches import Batches, BatchSize, graded
from grading.dates.survey import DateState, Ledger, Work, aggregate_due, grading_due, read_dates, read_ledger
from grading.outcome import Outcome, Status
from grading.processors import AGGREGATES, GRADING
from grading.run import Request
from grading.service import GradingService
from warehouse.jobs import Jobs

_ALIKE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """A date that was looked at: what it has, and why it is graded or left alone.

    `state` is one of due, complete, waiting (for box scores), empty (no predictions) and not over.
    """

    date: date
    state: str
    finding: str
    predictions: int = 0
    with_box_score: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpReport:
    """What a catch-up did, what it had no time for, and which dates still wait for their box scores.

    `looked_at` has every date from `first` to `last`, and the one after it, which is left alone since it is not over.
    `refused` are dates that are behind, and have so few keys to grade that a publish would be refused.
    """

    first: date
    last: date
    looked_at: Sequence[LookedAt] = ()
    outcomes: Sequence[Outcome] = ()
    left: Sequence[Work] = ()
    waiting: Sequence[date] = ()
    refused: Sequence[DateState] = ()

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status in (Status.FAILED, Status.ROWS_MISSING)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Grades recent dates that are behind, then the aggregates that are.

    `after(outcomes)` receives each date that was graded, at the end; `on_work(work)` each run that begins, and
    `on_outcome(outcome)` each that ended.
    `failed_before(what, error)` counts how often something has failed alike in a row.
    """

    service: GradingService
    events: EventLog
    after: Callable[[list[Outcome]], None] = lambda _outcomes: None
    on_work: Callable[[Work], None] = lambda _work: None
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None
    failed_before: Callable[[str, str], int] = lambda _what, _error: 1

    def task(self, days: int | None, deadline: Deadline) -> None:
        """Catch up as one event does. Raises `Transient` if something is left: the redelivery goes on with it.

        What fails twice alike is given up until the next catch-up, and logged as CRITICAL: one date that always fails
        must not keep the event alive.
        """
        report = self.run(days or CATCH_UP_DAYS, deadline)
        if report.left:
            raise DeadlineExceeded(f"catch-up: no time was left for {_named(report.left)}; the redelivery goes on")
        again = [outcome for outcome in report.failed if outcome.transient and not self._given_up(outcome)]
        if again:
            raise Transient("; ".join(f"{o.processor} {o.date}: {o.detail}" for o in again))

    def _given_up(self, outcome: Outcome) -> bool:
        what = f"{outcome.processor} {outcome.date}"
        times = self.failed_before(f"catch-up {what}", outcome.detail)
        if times < _ALIKE:
            return False
        self.events.emit(
            "catch_up_gave_up",
            f"{what} failed {times} times alike, and is left to the next catch-up: {outcome.detail}",
            "CRITICAL",
            date=outcome.date.isoformat(),
            processor=outcome.processor,
        )
        return True

    def run(self, days: int, deadline: Deadline) -> CatchUpReport:
        """Do what is due of the last `days` days and fits before the deadline, the reserve for a write kept.

        Dates before the setting `adopt_from` are left alone: they are another system's.

        Raises what `Warehouse.run` raises where the dates cannot be read.
        """
        first, last = recent(days, self.service.clock.now(), self.service.settings.local_date)
        if own := self.service.settings.first_own_date:
            first = max(first, own)
        if first > last:
            return CatchUpReport(first=first, last=last)
        worker = _Worker(self, deadline)
        states, ledger = self._survey(first, last, deadline)
        ratio = self.service.settings.min_keys_ratio
        grading = list(grading_due(states, ledger, ratio))
        due = {work.date: work.reason for work in grading}
        worker.do(grading, ledger)
        if grading:
            states, ledger = self._survey(first, last, deadline)
        for processor in AGGREGATES:
            aggregates = list(aggregate_due(processor, states, ledger))
            worker.do(aggregates, ledger)
            for work in aggregates:
                due.setdefault(work.date, f"{processor.name}: {work.reason}")
        report = CatchUpReport(
            first=first,
            last=last,
            looked_at=list(_looked_at(first, last, states, due)),
            outcomes=worker.outcomes,
            left=worker.left,
            waiting=[state.date for state in states if state.predictions and not state.with_box_score],
            refused=[state for state in states if state.is_behind and state.would_shrink(ratio)],
        )
        self._tell(report)
        for work in grading:
            self.after([outcome for outcome in report.outcomes if outcome.date == work.date])
        return report

    def _survey(self, first: date, last: date, deadline: Deadline) -> tuple[list[DateState], Ledger]:
        service = self.service
        # The ledger is read first: what is published in between looks behind, and is found satisfied later.
        jobs = Jobs.of(service.warehouse, "catch-up", deadline)
        ledger = read_ledger(service.settings, jobs, first, last)
        return read_dates(service.settings, jobs, first, last), ledger

    def _tell(self, report: CatchUpReport) -> None:
        done = sum(outcome.status.published for outcome in report.outcomes)
        self.events.emit(
            "catch_up_finished",
            f"catch-up of {report.first} to {report.last}: {done} runs published, {len(report.failed)} failed, "
            f"{len(report.left)} left, {len(report.waiting)} dates without box scores",
            "WARNING" if report.left or report.failed or report.refused else "INFO",
            first=report.first.isoformat(),
            last=report.last.isoformat(),
            published=done,
            failed=len(report.failed),
            left=[f"{work.processor.name} {work.date}" for work in report.left],
            waiting=[day.isoformat() for day in report.waiting],
            refused=[state.date.isoformat() for state in report.refused],
        )
        for state in report.refused:
            self.service.notifier.send(
                messages.shrunk(
                    state.date,
                    table=GRADING.name,
                    processor=GRADING.name,
                    staged_keys=state.with_box_score,
                    present_keys=state.graded_keys,
                    min_fraction=self.service.settings.min_keys_ratio,
                )
            )


@dataclass(slots=True)
class _Worker:
    catch_up: CatchUp
    deadline: Deadline
    outcomes: list[Outcome] = field(default_factory=list)
    left: list[Work] = field(default_factory=list)

    def do(self, due: Sequence[Work], ledger: Ledger) -> None:
        """Run the dates together, the newest first if they are too many for one batch; what does not fit is left."""
        service = self.catch_up.service
        batches = Batches(
            run_all=graded(service, lambda work: _request(work, ledger)),
            clock=service.clock,
            events=service.events,
            deadline=self._time_for_more,
            size=BatchSize(),
            started=self._started,
            finished=self._finished,
        )
        newest_first = sorted(due, key=lambda work: work.date, reverse=True)
        ended = batches.run(newest_first)
        self.left += [work for work in newest_first if ended[work] is None]

    def _time_for_more(self) -> Deadline | None:
        """The deadline, while the reserve for a write is there."""
        reserve = self.catch_up.service.settings.write_reserve_seconds
        return self.deadline if self.deadline.remaining(reserve) > 0 else None

    def _started(self, work: Work) -> None:
        self.catch_up.on_work(work)
        self.catch_up.events.emit(
            "catch_up_run",
            f"{work.processor.name} {work.date}: {work.reason}",
            date=work.date.isoformat(),
            processor=work.processor.name,
            reason=work.reason,
        )

    def _finished(self, _work: Work, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.catch_up.on_outcome(outcome)


def _request(work: Work, ledger: Ledger) -> Request:
    return Request(
        date=work.date,
        trigger_source="catch_up",
        published_ms=ledger.read_ms,
        # Aggregates follow their grades, whose own publish was guarded: refused, they would be due for ever.
        allow_shrink=work.processor is not GRADING,
        one_of_many=True,
    )


def _looked_at(first: date, last: date, states: Sequence[DateState], due: Mapping[date, str]) -> Iterator[LookedAt]:
    """Each date of the range, and the next one, with what was found."""
    found = {state.date: state for state in states}
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        state = found.get(day)
        predictions, with_box_score = (state.predictions, state.with_box_score) if state else (0, 0)
        if day in due:
            what, finding = "due", due[day]
        elif not predictions:
            what, finding = "empty", "left alone: no predictions"
        elif not with_box_score:
            what, finding = "waiting", "left alone: no box scores yet"
        else:
            what, finding = "complete", "left alone: complete"
        yield LookedAt(date=day, state=what, finding=finding, predictions=predictions, with_box_score=with_box_score)
    yield LookedAt(date=last + timedelta(days=1), state="not over", finding="left alone: it is not over yet")


def _named(work: Sequence[Work]) -> str:
    return ", ".join(f"{one.processor.name} {one.date}" for one in work)
