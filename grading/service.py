"""Grades a date: takes the lock, writes, validates, tells. The one place where these meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from alerts import upkeep_messages
from alerts.alert import Notifier
from grading.audit import Audit
from grading.breaker import GradingCircuitBreaker
from grading.clock import Clock, Deadline
from grading.errors import CircuitOpen, GradingError, Transient
from grading.hold import Hold
from grading.locker import Locker
from grading.outcome import Coverage, Outcome, Status
from grading.processors import Processor
from grading.reporting import alerts_of
from grading.run import Request, Run
from grading.settings import Settings
from grading.sources import select_of
from grading.staging import QueriedRows, RowSource
from grading.validate import find_duplicates
from grading.warehouse import Warehouse
from grading.writer import Writer
from monitoring.events import EventLog
from validation.duplicates import DuplicateReport


class Resolver(Protocol):
    """A notifier that also remembers which alerts are open."""

    def resolve(self, check: str, table: str | None, date: str | None) -> bool:
        """Tell that a check passes again, where an alert of it was open; True where one was."""


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

    def grade(self, request: Request, processors: Sequence[Processor], deadline: Deadline) -> list[Outcome]:
        """Run processors for one date, in order. One that fails is told of, and does not keep the next from running."""
        outcomes = []
        for processor in processors:
            outcome = self.run(processor, request, deadline)
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
        run = Run(
            processor=processor,
            request=request,
            settings=self.settings,
            deadline=deadline,
            hold=Hold(failure="not requested"),
            started_at=self.clock.now(),
        )
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
        repeat = outcome.status is Status.SUPERSEDED and self._is_repeat(run)
        outcome = replace(outcome, repeat=repeat, duration_ms=round((self.clock.monotonic() - started) * 1000))
        self._tell(run, outcome, events)
        if breaker and not self._given_up(run, outcome):
            self._count(breaker, outcome)
        return outcome

    def _write(self, run: Run, source: RowSource | None, events: EventLog) -> Outcome:
        if source is None:
            if self.writer.satisfied(run):
                return self._outcome(run, Status.SUPERSEDED, detail="the event is satisfied by what is published")
            source = QueriedRows(select_of(run, self.warehouse))
        written = self.writer.write(run, source, events)
        outcome = replace(
            self._outcome(run, written.status, coverage=written.coverage),
            token=written.token,
            rows_inserted=written.staged_keys if written.status.published else 0,
            rows_deleted=written.present_rows if written.status.published else 0,
            staged_keys=written.staged_keys,
            staged_duplicate_keys=written.staged_duplicate_keys,
            staged_excess_rows=written.staged_excess_rows,
            present_keys=written.present_keys,
        )
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

    def _is_repeat(self, run: Run) -> bool:
        """Whether this very event has published the date before, and is delivered again."""
        if not run.request.event_id:
            return False
        try:
            return self.audit.has_published(run)
        except GradingError:
            return False  # only the log would say more

    def find_duplicates(self, run: Run) -> DuplicateReport:
        """Count the business keys of the run's date in the target table, in one query."""
        return find_duplicates(run, self.warehouse)

    def _validate(self, run: Run, events: EventLog) -> DuplicateReport | None:
        """Check the business keys of the date. What is found is told; it never fails the run."""
        try:
            report = self.find_duplicates(run)
            if not report.clean and self.repair:
                report = self.repair(run, report)
        except GradingError as error:
            events.emit("validation_failed", f"the date could not be validated: {error}", "ERROR")
            return None
        if report.clean:
            rows = report.total_rows
            events.emit("validation_passed", f"{rows} rows, every business key unique", rows=rows)
            self._resolve_duplicates(run, report, events)
            return report
        events.emit(
            "duplicates_found",
            f"{report.duplicate_keys} business keys have {report.excess_rows} rows too many",
            "ERROR",
            duplicate_keys=report.duplicate_keys,
            excess_rows=report.excess_rows,
            samples=[str(sample) for sample in report.samples],
        )
        try:
            self.audit.record_duplicates(run, report)
        except GradingError as error:
            events.emit("audit_failed", f"duplicates were not recorded: {error}", "ERROR")
        return report

    def _resolve_duplicates(self, run: Run, report: DuplicateReport, events: EventLog) -> None:
        if self.resolver:
            self.resolver.resolve("duplicates", table=run.processor.name, date=run.lock_key)
            if self.repair:
                self.resolver.resolve("remediation", table=run.processor.name, date=run.lock_key)
        if report.open_findings:
            try:
                self.audit.resolve_duplicates(run, f"clean after run {run.run_id}")
            except GradingError as error:
                events.emit("audit_failed", f"duplicates were not marked as resolved: {error}", "ERROR")

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
            try:
                self.audit.record_unpublished(run, outcome.status.value, outcome.detail)
            except GradingError as error:
                events.emit("audit_failed", f"the run was not recorded: {error}", "ERROR")
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
        run: Run, status: Status, *, detail: str = "", coverage: Coverage | None = None, transient: bool = False
    ) -> Outcome:
        return Outcome(
            processor=run.processor.name,
            date=run.date,
            status=status,
            run_id=run.run_id,
            locked=run.hold.locked,
            lock_wait_ms=run.hold.wait_ms,
            detail=detail or (coverage.ungraded_text if coverage else ""),
            coverage=coverage,
            transient=transient,
        )
