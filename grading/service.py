"""Grades a date: takes the lock, writes, validates, alerts. The one place where these meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from alerts.alert import Notifier, Resolver
from foundation.clock import Clock, Deadline
from foundation.errors import (
    CircuitOpen,
    DeadlineExceeded,
    GradingError,
    Transient,
    UnknownFailure,
)
from foundation.events import EventLog
from foundation.text import valid, whole
from grading.audit import Audit
from grading.batch import Batch, Ended, may_be_of_one_date
from grading.breaker import GradingCircuitBreaker
from grading.breaker_count import BreakerCount
from grading.check_after import CheckAfter, Repair
from grading.locker import Locker
from grading.outcome import Outcome, Status, Written
from grading.outcome_alerts import alerts_of
from grading.processors import Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.inputs import OptionalInput
from grading.writing.staging import ComputedRows, RowSource
from grading.writing.writer import Writer
from warehouse.bigquery import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingService:
    """Runs processors for dates. Everything it needs is given to it."""

    settings: Settings
    clock: Clock
    events: EventLog
    warehouse: Warehouse
    locker: Locker
    writer: Writer
    audit: Audit
    notifier: Notifier
    resolver: Resolver | None = None
    breaker_of: Callable[[str, EventLog], GradingCircuitBreaker] | None = None
    repair: Repair | None = None
    facts_of: Callable[[Run, Outcome], Sequence[tuple[str, str]]] = lambda _run, _outcome: ()
    warned_of: set[str] = field(default_factory=set)

    def grade(
        self, request: Request, processors: Sequence[Processor], deadline: Deadline, *, use_lock: bool = True
    ) -> list[Outcome]:
        """Run processors for one date, in order. One that fails is reported, and does not stop the next."""
        outcomes = []
        for processor in processors:
            outcome = self.run(processor, request, deadline, use_lock=use_lock)
            outcomes.append(outcome)
            if outcome.status.published:
                # What was published just now must be summed up anew: no earlier staging satisfies that.
                request = replace(request, published_ms=None)
        return outcomes

    def run(
        self,
        processor: Processor,
        request: Request,
        deadline: Deadline,
        *,
        source: RowSource | None = None,
        use_lock: bool = True,
    ) -> Outcome:
        """Run one processor for one date and return how it ended. Raises no error: it is the outcome."""
        [outcome] = self.run_all(processor, [request], deadline, source=source, use_lock=use_lock).outcomes
        return outcome

    def run_all(
        self,
        processor: Processor,
        requests: Sequence[Request],
        deadline: Deadline,
        *,
        source: RowSource | None = None,
        use_lock: bool = True,
    ) -> Ended[Outcome]:
        """Run one processor for some dates as one batch, and return how each ended. Raises no error.

        A date of several that someone else holds is not waited for: it has no outcome, and is in `Ended.held`. If what
        failed may lie in one of several dates, or in their number, none has an outcome: `Ended.split` says why.
        """
        started = self.clock.monotonic()
        batch = Batch.of(
            *(Run.start(processor, request, self.settings, self.warehouse, deadline) for request in requests)
        )
        events = self.events.bind(processor=processor.name)
        if len(batch) == 1:
            events = self._of(batch.only, events)
        # Only events are refused: a person at a terminal has looked, and may try.
        asked = any(request.event_id for request in requests)
        breaker = self.breaker_of(processor.name, events) if self.breaker_of and asked else None
        try:
            if breaker:
                breaker.before_call()
        except CircuitOpen as error:
            events.emit("breaker_refused", str(error), "WARNING")
            return Ended([self._outcome(run, Status.FAILED, detail=str(error), transient=True) for run in batch])
        held, ended = self._under_locks(batch, source, events, use_lock=use_lock)
        if isinstance(ended, GradingError):
            return Ended(held=held, split=ended)
        done = []
        for run, outcome in ended:
            is_repeat = outcome.status is Status.SUPERSEDED and bool(run.request.event_id)
            repeat = is_repeat and self.audit.record_superseded(run)
            duration_ms = round((self.clock.monotonic() - started) * 1000)
            done.append((run, replace(outcome, repeat=repeat, duration_ms=duration_ms)))
        self.audit.record_all_unpublished(
            [(run, outcome.status.value, outcome.detail) for run, outcome in done if _is_to_be_recorded(run, outcome)]
        )
        for run, outcome in done:
            self._tell(run, outcome, self._of(run, events))
            if breaker and not self._given_up(run, outcome):
                BreakerCount(self.settings, self.events, self.notifier).count(breaker, outcome)
        return Ended([outcome for _, outcome in done], held, transaction_seconds=batch.transaction_seconds)

    def _under_locks(
        self, batch: Batch, source: RowSource | None, events: EventLog, *, use_lock: bool
    ) -> tuple[Sequence[date], Sequence[tuple[Run, Outcome]] | GradingError]:
        """Write a batch under its locks: the dates that are held elsewhere, and each run with its outcome, or the error
        for which the batch is to be split."""
        held: Sequence[date] = ()
        try:
            if batch.deadline.expired:
                raise DeadlineExceeded("no time is left to begin")
            with self.locker.hold_all(batch, events, use_lock=use_lock) as holds:
                held = [day for day in batch.days if day not in holds]
                batch = batch.holding(holds)
                ended = self._write(batch, source, events) if batch else {}
        except GradingError as error:
            if len(batch) > 1 and may_be_of_one_date(error):
                return held, error
            return held, [(run, self._failed(run, error)) for run in batch]
        except Exception as error:  # noqa: BLE001 - not known to be permanent: it comes again, and the others go on
            detail = f"{type(error).__name__}: {valid(str(error))}"
            events.emit("unexpected_error", detail, "ERROR", stack_trace=whole(error))
            if len(batch) > 1:
                return held, UnknownFailure(detail)
            failed = self._outcome(batch.only, Status.FAILED, detail=detail, transient=True)
            return held, [(batch.only, replace(failed, unknown=True))]
        return held, [(run, ended[run.date]) for run in batch]

    def _write(self, batch: Batch, source: RowSource | None, events: EventLog) -> dict[date, Outcome]:
        ended: dict[date, Outcome] = {}
        if source is None:
            detail = "the event is satisfied by what is published"
            for day in self.writer.satisfied(batch):
                ended[day] = self._outcome(batch.run_of(day), Status.SUPERSEDED, detail=detail)
            source = ComputedRows(lambda optional: self._warn_of_absent(optional, events))
        left = batch.without(ended)
        if not left:
            return ended
        try:
            results = self.writer.write_all(left, source, events)
        except GradingError as error:
            if not ended or (len(left) > 1 and may_be_of_one_date(error)):
                raise
            results = dict.fromkeys(left.days, error)
        for day, result in results.items():
            run = left.run_of(day)
            if isinstance(result, GradingError):
                ended[day] = self._failed(run, result)
            else:
                ended[day] = self._outcome(run, result.status, written=result)
        published = [run for run in left if ended[run.date].status.published]
        if published:
            check = CheckAfter(self.settings, self.audit, self.resolver, self.repair)
            ended |= check.outcomes(Batch.of(*published), ended, events)
        return ended

    @staticmethod
    def _of(run: Run, events: EventLog) -> EventLog:
        return events.bind(date=run.lock_key, run_id=run.run_id)

    def _failed(self, run: Run, error: GradingError) -> Outcome:
        outcome = self._outcome(run, Status.FAILED, detail=str(error), transient=isinstance(error, Transient))
        return replace(outcome, unknown=isinstance(error, UnknownFailure))

    def _warn_of_absent(self, optional: Sequence[OptionalInput], events: EventLog) -> None:
        """Warn, once a process, of each optional input that should be there and cannot be read."""
        for found in optional:
            if found.unreadable and found.table not in self.warned_of:
                self.warned_of.add(found.table)
                text = f"{found.name} is read as empty: {found.table} cannot be read ({found.why_absent})"
                events.emit("optional_input_absent", text, "WARNING", table=found.table)

    def _tell(self, run: Run, outcome: Outcome, events: EventLog) -> None:
        events.emit(
            "run_finished",
            f"{run.processor.name} {run.lock_key}: {outcome.status}",
            "ERROR" if outcome.status in (Status.FAILED, Status.ROWS_MISSING) else "INFO",
            status=outcome.status.value,
            rows=outcome.rows_inserted,
            token=outcome.token,
            duration_ms=outcome.duration_ms,
            lock_wait_ms=outcome.lock_wait_ms,
            locked=outcome.locked,
            event_id=run.request.event_id,
            trigger_source=run.request.trigger_source,
            repeat=outcome.repeat,
            detail=outcome.detail,
        )
        if self._given_up(run, outcome):
            return
        for alert in alerts_of(run, outcome, self.settings.local_date(self.clock.now())):
            self.notifier.send(replace(alert, facts=[*alert.facts, *self.facts_of(run, outcome)]))

    @staticmethod
    def _given_up(run: Run, outcome: Outcome) -> bool:
        """Whether the run ended because its process was told to stop: it comes again, and nothing is wrong."""
        return run.deadline.stopping and outcome.status is Status.FAILED and outcome.transient

    @staticmethod
    def _outcome(
        run: Run, status: Status, *, detail: str = "", written: Written | None = None, transient: bool = False
    ) -> Outcome:
        return Outcome(
            processor=run.processor.name,
            date=run.date,
            status=status,
            run_id=run.run_id,
            locked=run.hold.locked,
            lock_wait_ms=run.hold.wait_ms,
            detail=detail
            or (written.detail or (written.coverage.ungraded_text if written.coverage else "") if written else ""),
            written=written,
            transient=transient,
        )


def _is_to_be_recorded(run: Run, outcome: Outcome) -> bool:
    """Whether nothing has recorded yet how the run ended.

    A publish records itself, and missing rows are recorded as they are found. That an event's run was superseded is
    recorded with the question whether it is a repeat.
    """
    if outcome.status is Status.SUPERSEDED:
        return run.request.published_ms is None
    return not outcome.status.published and outcome.status is not Status.ROWS_MISSING
