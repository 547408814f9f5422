"""Grades a date: takes the lock, writes, validates, tells. The one place where these meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from alerts import upkeep_messages
from alerts.alert import Notifier, Resolver
from foundation.clock import Clock, Deadline
from foundation.errors import CircuitOpen, GradingError, Transient
from foundation.events import EventLog
from grading.audit import Audit
from grading.breaker import GradingCircuitBreaker
from grading.locker import Locker
from grading.outcome import Outcome, Status, Written
from grading.outcome_alerts import alerts_of
from grading.processors import Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.inputs import OptionalInput, compute
from grading.writing.staging import QueriedRows, RowSource
from grading.writing.validate import validate
from grading.writing.writer import Writer
from validation.duplicates import DuplicateReport
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
    repair: Callable[[Run, DuplicateReport], DuplicateReport] | None = None
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
        """Run one processor for one date and tell how it ended. Never raises a `GradingError`: it is the outcome."""
        events = self.events.bind(date=request.date.isoformat(), processor=processor.name)
        started = self.clock.monotonic()
        run = Run.start(processor, request, self.settings, self.warehouse, deadline)
        events = events.bind(run_id=run.run_id)
        # Only events are refused: a person at a terminal has looked, and may try.
        breaker = self.breaker_of(processor.name, events) if self.breaker_of and request.event_id else None
        try:
            if breaker:
                breaker.before_call()
            with self.locker.hold(processor, request, deadline, events, use_lock=use_lock) as hold:
                run = replace(run, hold=hold)
                outcome = self._write(run, source, events)
        except CircuitOpen as error:
            events.emit("breaker_refused", str(error), "WARNING")
            return self._outcome(run, Status.FAILED, detail=str(error), transient=True)
        except GradingError as error:
            transient = isinstance(error, Transient)
            outcome = self._outcome(run, Status.FAILED, detail=str(error), transient=transient)
        repeat = outcome.status is Status.SUPERSEDED and bool(run.request.event_id) and self.audit.has_published(run)
        outcome = replace(outcome, repeat=repeat, duration_ms=round((self.clock.monotonic() - started) * 1000))
        self._tell(run, outcome, events)
        if breaker and not self._given_up(run, outcome):
            self._count(breaker, outcome)
        return outcome

    def _write(self, run: Run, source: RowSource | None, events: EventLog) -> Outcome:
        if source is None:
            if self.writer.satisfied(run):
                return self._outcome(run, Status.SUPERSEDED, detail="the event is satisfied by what is published")
            computed = compute(run)
            self._warn_of_absent(computed.optional, events)
            source = QueriedRows(computed.select, computed.carried)
        written = self.writer.write(run, source, events)
        outcome = self._outcome(run, written.status, written=written)
        if not written.status.published:
            return outcome
        events.emit(
            "write_published",
            f"published {outcome.rows_inserted} rows",
            token=written.token,
            rows=outcome.rows_inserted,
            rows_deleted=outcome.rows_deleted,
            locked=run.hold.locked,
        )
        return replace(outcome, duplicates=self._validate(run, events))

    def _warn_of_absent(self, optional: Sequence[OptionalInput], events: EventLog) -> None:
        """Warn, once a process, of each optional input that should be there and cannot be read."""
        for found in optional:
            if found.unreadable and found.table not in self.warned_of:
                self.warned_of.add(found.table)
                text = f"{found.name} is read as empty: {found.table} cannot be read ({found.why_absent})"
                events.emit("optional_input_absent", text, "WARNING", table=found.table)

    def _validate(self, run: Run, events: EventLog) -> DuplicateReport | None:
        """Check the business keys of the date. What is found is told; it never fails the run."""
        try:
            report = validate(run)
            first = self.settings.first_own_date
            if not report.clean and self.repair and (first is None or run.date >= first):
                report = self.repair(run, report)
        except GradingError as error:
            events.emit("validation_failed", f"the date could not be validated: {error}", "ERROR")
            return None
        if report.clean:
            rows = report.total_rows
            events.emit("validation_passed", f"{rows} rows, every business key unique", rows=rows)
            self._resolve_duplicates(run, report)
            return report
        events.emit(
            "duplicates_found",
            f"{report.duplicate_keys} business keys have {report.excess_rows} rows too many",
            "ERROR",
            duplicate_keys=report.duplicate_keys,
            excess_rows=report.excess_rows,
            samples=[str(sample) for sample in report.samples],
        )
        self.audit.record_duplicates(run, report)
        return report

    def _resolve_duplicates(self, run: Run, report: DuplicateReport) -> None:
        if self.resolver:
            self.resolver.resolve("duplicates", table=run.processor.name, date=run.lock_key)
            if self.repair:
                self.resolver.resolve("remediation", table=run.processor.name, date=run.lock_key)
        if report.open_findings:
            self.audit.resolve_duplicates(run, f"clean after run {run.run_id}")

    def _tell(self, run: Run, outcome: Outcome, events: EventLog) -> None:
        events.emit(
            "run_finished",
            f"{run.processor.name} {run.lock_key}: {outcome.status}",
            "ERROR" if outcome.status is Status.FAILED else "INFO",
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
        if not outcome.status.published and outcome.status is not Status.SUPERSEDED:
            self.audit.record_unpublished(run, outcome.status.value, outcome.detail)
        if self._given_up(run, outcome):
            return
        for alert in alerts_of(run, outcome):
            self.notifier.send(alert)

    @staticmethod
    def _given_up(run: Run, outcome: Outcome) -> bool:
        """Whether the run ended because its process was told to stop: it comes again, and nothing is wrong."""
        return run.deadline.stopping and outcome.status is Status.FAILED and outcome.transient

    def _count(self, breaker: GradingCircuitBreaker, outcome: Outcome) -> None:
        """Count the run in its breaker; whoever made it open or close tells so."""
        if outcome.status is Status.FAILED and outcome.transient:
            transition = breaker.record_failure(outcome.detail)
        else:
            transition = breaker.record_success()
        if transition == "opened":
            self.notifier.send(
                upkeep_messages.breaker_opened(
                    outcome.processor,
                    failures=self.settings.breaker_threshold,
                    cool_down_seconds=self.settings.breaker_cool_down_seconds,
                    error=outcome.detail,
                )
            )
        elif transition == "closed":
            self.notifier.send(upkeep_messages.breaker_closed(outcome.processor))

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
