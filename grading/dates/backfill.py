"""Backfill: many dates, in phases, beside whatever else grades them.

A phase is one processor's run of every date, and a phase begins when the one before it has ended: a summary
reads the grades of the dates before its own. The dates go through the service in batches (`grading.dates.batches`),
each with its own lock, fence entry and outcome, so a backfill beside the schedule is a routine.

Why a backfill can be killed and resumed: each publish records its run, with the backfill's id, in the very
transaction that writes the date. What is recorded is done; what is not is left.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from alerts.alert import Alert, Notifier
from foundation.clock import Deadline
from grading.dates.batches import MAX_DATES, Batches, BatchSize, graded
from grading.dates.survey import DateState, Work, aggregate_due, read_dates, read_ledger
from grading.outcome import Outcome, Status
from grading.processors import GRADING, PROCESSORS, Processor
from grading.run import Request, Run
from grading.service import GradingService
from grading.writing.rules import select_of
from warehouse.jobs import Jobs
from warehouse.statements import Folder, literal, table

SQL = Folder("grading.dates.sql")

Phase = Sequence[Work]

_TRIGGER = re.compile(
    r"backfill:(?P<start>\d{4}-\d{2}-\d{2}):(?P<end>\d{4}-\d{2}-\d{2}):\d{8}T\d{6}Z(?::(?P<names>[a-z_+]+))?"
)

# Nothing was published though it should have been.
FAILURES = frozenset({Status.FAILED, Status.SHRUNK, Status.ROWS_MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a backfill is to do. `trigger` marks its runs; `finished` counts those of it that were done before."""

    trigger: str
    start: date
    end: date
    phases: Sequence[Phase]
    rows: dict[date, int] = field(default_factory=dict)
    finished: int = 0

    @property
    def runs(self) -> int:
        return sum(len(phase) for phase in self.phases)

    @property
    def dates(self) -> list[date]:
        return sorted({work.date for phase in self.phases for work in phase})


def plan_backfill(
    service: GradingService,
    start: date,
    end: date,
    processors: Sequence[Processor],
    deadline: Deadline,
    *,
    resume: bool = False,
) -> Plan:
    """Every date from `start` to `end` with predictions or grades, by each processor; two jobs at most.

    With `resume`, only what the latest backfill of this very range by these processors, and perhaps others, has not
    done; a new backfill if there was none. A date whose grading is left has its aggregates left too, whether or not
    they were computed.
    """
    jobs = Jobs.of(service.warehouse, "backfill", deadline)
    states = read_dates(service.settings, jobs, start, end)
    phases = _phases(states, processors)
    trigger, finished = _new_trigger(start, end, processors, service.clock.now()), set[tuple[str, date]]()
    if resume:
        trigger, finished = _latest(service, start, end, processors, jobs) or (trigger, finished)
    left = list(_left(phases, finished))
    return Plan(
        trigger=trigger,
        start=start,
        end=end,
        phases=left,
        rows={state.date: state.with_box_score for state in states},
        finished=sum(map(len, phases)) - sum(map(len, left)),
    )


def plan_recompute(
    service: GradingService,
    start: date,
    end: date,
    processors: Sequence[Processor],
    deadline: Deadline,
    *,
    everything: bool = False,
) -> Plan:
    """The aggregates whose grades are newer than they are, or with `everything` those of every date with grades."""
    jobs = Jobs.of(service.warehouse, "recompute", deadline)
    ledger = read_ledger(service.settings, jobs, start, end)
    states = read_dates(service.settings, jobs, start, end)
    phases = [
        [Work(processor=processor, date=state.date, reason="asked for") for state in states if state.grades]
        if everything
        else list(aggregate_due(processor, states, ledger))
        for processor in processors
    ]
    rows = {state.date: state.grades for state in states}
    return Plan(trigger="recompute", start=start, end=end, phases=phases, rows=rows)


def bytes_to_scan(service: GradingService, work: Work, deadline: Deadline) -> int:
    """The bytes that computing a date's rows would scan, by a dry run: nothing is read, nothing is billed."""
    run = Run.start(work.processor, Request(date=work.date), service.settings, service.warehouse, deadline)
    return service.warehouse.bytes_scanned(select_of(run))


class Progress(Protocol):
    """Is shown what happens. `started` is called from several threads at once."""

    def phase(self, processor: Processor, runs: int) -> None: ...

    def started(self, work: Work) -> None: ...

    def finished(self, work: Work, outcome: Outcome) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillResult:
    """How a backfill ended: the last outcome of each run, and the runs that were not reached."""

    outcomes: Sequence[Outcome]
    not_reached: Sequence[Work]
    alerts: Sequence[Alert]
    duration_seconds: float

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status in FAILURES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Runs a plan phase after phase, in batches of at most `batch_dates` dates, `concurrency` of them at once.

    Alerts of single dates are kept for the one message at the end, instead of being sent.
    """

    service: GradingService
    plan: Plan
    concurrency: int
    progress: Progress
    batch_dates: int = MAX_DATES
    allow_shrink: bool = False
    _stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Finish the dates in flight, and begin no more. Safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> BackfillResult:
        """Do the plan. A date that failed in passing gets a second try at the end of its phase."""
        started = self.service.clock.monotonic()
        alerts: list[Alert] = []
        outcomes: list[Outcome] = []
        not_reached: list[Work] = []
        for phase in self.plan.phases:
            if not phase:
                continue
            self.progress.phase(phase[0].processor, len(phase))
            first, second = _KeptAlerts(), _KeptAlerts()
            ended = self._run(phase, first)
            again = [work for work, outcome in ended.items() if outcome and outcome.transient]
            tried_again = {work: outcome for work, outcome in self._run(again, second).items() if outcome}
            ended |= tried_again
            days = {work.date.isoformat() for work in tried_again}
            alerts += [alert for alert in first.alerts if not _is_failure_of(alert, days)] + second.alerts
            outcomes.extend(outcome for outcome in ended.values() if outcome)
            not_reached.extend(work for work, outcome in ended.items() if outcome is None)
        return BackfillResult(
            outcomes=outcomes,
            not_reached=not_reached,
            alerts=alerts,
            duration_seconds=self.service.clock.monotonic() - started,
        )

    def _run(self, phase: Phase, notifier: Notifier) -> dict[Work, Outcome | None]:
        service = replace(self.service, notifier=notifier)
        batches = Batches(
            run_all=graded(service, self._request),
            clock=service.clock,
            events=service.events,
            deadline=lambda: self._deadline(service),
            size=BatchSize(dates=self.batch_dates),
            rows_of=self.plan.rows,
            started=self.progress.started,
            finished=self.progress.finished,
            concurrency=self.concurrency,
        )
        try:
            return batches.run(phase)
        except BaseException:
            self.stop()
            raise

    def _deadline(self, service: GradingService) -> Deadline | None:
        if self._stopping.is_set():
            return None
        return Deadline.after(service.settings.function_timeout_seconds, service.clock)

    def _request(self, work: Work) -> Request:
        return Request(
            date=work.date, trigger_source=self.plan.trigger, allow_shrink=self.allow_shrink, one_of_many=True
        )


@dataclass(slots=True)
class _KeptAlerts:
    alerts: list[Alert] = field(default_factory=list)

    def send(self, alert: Alert) -> bool:
        self.alerts.append(alert)
        return True


def _is_failure_of(alert: Alert, days: Collection[str]) -> bool:
    """Whether the alert says only that one of these dates failed. Others may speak for more than their own date."""
    return alert.check == "processor_failed" and alert.date in days


def _trigger(start: date, end: date) -> str:
    return f"backfill:{start}:{end}:"


def _new_trigger(start: date, end: date, processors: Sequence[Processor], now: datetime) -> str:
    """A name that says which dates are meant, when the backfill began and, unless it is all, by which processors."""
    names = "" if len(processors) == len(PROCESSORS) else ":" + "+".join(processor.name for processor in processors)
    return f"{_trigger(start, end)}{now:%Y%m%dT%H%M%SZ}{names}"


def range_of(trigger: str) -> tuple[date, date] | None:
    """The dates that a backfill of this name is of; None if it is not the name of one."""
    match = _TRIGGER.fullmatch(trigger)
    return (date.fromisoformat(match["start"]), date.fromisoformat(match["end"])) if match else None


def names_of(trigger: str) -> list[str]:
    """The processors that a backfill of this name runs."""
    match = _TRIGGER.fullmatch(trigger)
    named = match["names"] if match else None
    return [processor.name for processor in PROCESSORS if not named or processor.name in named.split("+")]


def left_of(
    states: Sequence[DateState], processors: Sequence[Processor], finished: Collection[tuple[str, date]]
) -> list[Phase]:
    """What a backfill of these dates has left, phase by phase."""
    return list(_left(_phases(states, processors), finished))


def _phases(states: Sequence[DateState], processors: Sequence[Processor]) -> list[Phase]:
    """Every date with predictions or grades, by each processor."""
    return [
        [
            Work(processor=processor, date=state.date)
            for state in states
            if state.predictions or not processor.reads_predictions
        ]
        for processor in processors
    ]


def _latest(
    service: GradingService, start: date, end: date, processors: Sequence[Processor], jobs: Jobs
) -> tuple[str, set[tuple[str, date]]] | None:
    """The latest backfill of this range by these processors, and perhaps others, and the runs that it finished."""
    statement = SQL.fill(
        "runs_of_backfill",
        runs=table(service.settings.target("grading_runs")),
        first=literal(start),
        last=literal(end),
        prefix=literal(_trigger(start, end)),
    )
    asked = {processor.name for processor in processors}
    rows = [row for row in jobs.ask("resume", statement).rows if asked.issubset(names_of(row["trigger_source"]))]
    if not rows:
        return None
    latest = max(row["trigger_source"] for row in rows)
    status = {(row["processor"], row["game_date"]): row["status"] for row in rows if row["trigger_source"] == latest}
    return latest, {run for run, ended in status.items() if ended not in FAILURES}


def _left(phases: Sequence[Phase], finished: Collection[tuple[str, date]]) -> Iterator[Phase]:
    """Each phase without what is finished, aggregates of grades that are yet to come counted as unfinished."""
    grading = [work.date for phase in phases for work in phase if work.processor is GRADING]
    left = {day for day in grading if (GRADING.name, day) not in finished}

    def outdated(work: Work) -> bool:
        if work.processor.reads_earlier_dates:
            return any(day <= work.date for day in left)
        return work.date in left

    for phase in phases:
        yield [work for work in phase if (work.processor.name, work.date) not in finished or outdated(work)]
