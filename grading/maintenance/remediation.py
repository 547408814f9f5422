"""Automatic remediation: duplicates that a check has found are removed at once, if they are few.

It is a repair like any other: under the date's lock, by the fenced publish, over exactly the rows that it read, so
it never undoes a grading run that lands meanwhile. Many duplicates are left for a person to look at: something is
wrong that a repair would hide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from alerts import upkeep_messages
from alerts.alert import Notifier
from foundation.clock import Deadline
from foundation.errors import GradingError, StatementRefused
from foundation.events import EventLog
from grading.audit import Audit
from grading.batch import Batch
from grading.locker import Locker
from grading.outcome import Status
from grading.processors import Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.staging import RowSource
from grading.writing.writer import Writer
from validation.duplicates import DuplicateReport
from warehouse.bigquery import Warehouse

TRIGGER = "auto_remediation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remediation:
    """Repairs a date's duplicates, and tells how that ended.

    `find(run)` counts the duplicates of the run's date; `deduplicated(processor)` stages the date with the earliest
    row of each business key.
    """

    settings: Settings
    events: EventLog
    warehouse: Warehouse
    locker: Locker
    writer: Writer
    audit: Audit
    notifier: Notifier
    find: Callable[[Run], DuplicateReport]
    deduplicated: Callable[[Processor], RowSource]

    def run(self, processor: Processor, day: date, deadline: Deadline, *, max_count: int) -> DuplicateReport:
        """Check a date under its lock, and repair it if it has at most `max_count` excess rows.

        Returns what the date holds then. Raises what the check raises; a repair that fails is reported, not raised.
        """
        request = Request(date=day, trigger_source=TRIGGER)
        run = Run.start(processor, request, self.settings, self.warehouse, deadline)
        with self.locker.hold(processor, run.request, deadline, self._events(run)) as hold:
            run = replace(run, hold=hold)
            found = self.find(run)
            return found if found.clean else self.repair(run, found, max_count=max_count)

    def repair(self, run: Run, found: DuplicateReport, *, max_count: int | None = None) -> DuplicateReport:
        """Repair the date of a run, whose lock the caller holds, if it has at most `max_count` excess rows.

        The default is the setting `auto_remediate_max_count`. Returns what the date holds then: `found` if
        nothing was repaired. Never raises a `GradingError`: the alert reports it.
        """
        limit = self.settings.auto_remediate_max_count if max_count is None else max_count
        if found.excess_rows > limit:
            self._failed(run, found, f"{found.excess_rows:,} excess rows are too many to remove unseen", limit)
            return found
        repair = run.again(Request(date=run.date, trigger_source=TRIGGER))
        try:
            after = self._write(repair, found)
        except GradingError as error:
            self._failed(run, found, str(error))
            return found
        self._succeeded(repair, found)
        return after

    def _write(self, run: Run, found: DuplicateReport) -> DuplicateReport:
        detail = f"{found.duplicate_keys} duplicate keys, {found.excess_rows} excess rows"
        written = self.writer.write(
            run, self.deduplicated(run.processor), self._events(run), status=Status.REPAIRED, detail=detail
        )
        if written.status is not Status.REPAIRED:
            raise StatementRefused(f"the repair ended as {written.status}: nothing was changed")
        after = self.find(run)
        if not after.clean:
            raise StatementRefused(f"the date still has {after.duplicate_keys} duplicate keys")
        return after

    def _succeeded(self, run: Run, found: DuplicateReport) -> None:
        events = self._events(run)
        events.emit(
            "remediation_succeeded",
            f"{found.excess_rows} excess rows were removed",
            duplicate_keys=found.duplicate_keys,
            excess_rows=found.excess_rows,
        )
        if self.audit.record_duplicates(run, found) is None:
            self.audit.resolve_duplicates(Batch.of(run), lambda run: f"{TRIGGER}: repaired by run {run.run_id}")
        self.notifier.send(
            upkeep_messages.remediation_succeeded(
                run.date,
                table=run.processor.name,
                processor=run.processor.name,
                duplicate_keys=found.duplicate_keys,
                rows_removed=found.excess_rows,
            )
        )

    def _failed(self, run: Run, found: DuplicateReport, error: str, max_count: int | None = None) -> None:
        self._events(run).emit(
            "remediation_refused" if max_count is not None else "remediation_failed",
            error,
            "WARNING" if max_count is not None else "ERROR",
            duplicate_keys=found.duplicate_keys,
            excess_rows=found.excess_rows,
        )
        self.notifier.send(
            upkeep_messages.remediation_failed(
                run.date,
                table=run.processor.name,
                processor=run.processor.name,
                duplicate_keys=found.duplicate_keys,
                error=error,
                max_count=max_count,
            )
        )

    def _events(self, run: Run) -> EventLog:
        return self.events.bind(date=run.lock_key, processor=run.processor.name, run_id=run.run_id)
