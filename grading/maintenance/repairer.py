"""Repairs dates: their locks, a fenced publish, verification, and the old state back of those that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from foundation.clock import Clock, Deadline
from foundation.errors import GradingError
from foundation.events import EventLog
from grading.audit import Audit
from grading.batch import Batch, Ended, in_halves, may_be_of_one_date
from grading.locker import Locker
from grading.maintenance.backup import Backup
from grading.maintenance.comparison import compare, not_restored, wrong_keys
from grading.maintenance.damage import survey
from grading.maintenance.repair_result import DateResult, Result, Wrong, published, put_back, verified
from grading.maintenance.repair_rows import DeduplicatedRows, RepairedState, RestoredRows
from grading.maintenance.repair_tables import RepairRun, RepairTable
from grading.outcome import Status
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.schema import fence_statements
from grading.writing.staging import RowSource
from grading.writing.writer import Result as WriteResult
from grading.writing.writer import Writer
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs

Results = dict[date, DateResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repair:
    """What is to be done: the rows to publish, what says what is wrong with them then, and the backup of the state
    before."""

    repaired: RepairTable
    source: RowSource
    wrong: Callable[[Batch], Mapping[date, Wrong]]
    fallback: Backup


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairer:
    """Repairs some dates of a table in one transaction. Killed anywhere, each date is whole: old or new.

    What belongs to a date stays with it: lock, fence entry, token, audit row and result. A date that someone else holds
    is in `Ended.held`; if what failed may lie in one of several dates, `Ended.split` says why, and nothing was changed.
    """

    settings: Settings
    clock: Clock
    events: EventLog
    warehouse: Warehouse
    locker: Locker
    writer: Writer
    audit: Audit

    def prepare(self, repaired: RepairTable, deadline: Deadline) -> None:
        """Create the fence of a table that the service otherwise only reads."""
        jobs = Jobs.of(self.warehouse, "init", deadline)
        for _, statement in fence_statements(repaired.path(self.settings)):
            jobs.ask("create", statement)

    def deduplicate(
        self, repaired: RepairTable, days: Sequence[date], backup: Backup, deadline: Deadline, *, merge_differing: bool
    ) -> Ended[DateResult]:
        """Leave one row of each key: the earliest. Every `GradingError` becomes the result of a date."""

        def wrong(batch: Batch) -> Mapping[date, Wrong]:
            return wrong_keys(batch, repaired, backup, merge_differing=merge_differing)

        batch = self._batch(repaired, days, "dedupe", deadline)
        source = DeduplicatedRows(repaired=repaired, backup=backup, merge_differing=merge_differing)
        ended = self._run(batch, _Repair(repaired=repaired, source=source, wrong=wrong, fallback=backup))
        if ended.split:
            return ended
        results = {result.date: result for result in ended.outcomes}
        results |= self._written_clean(repaired, results, deadline, merge_differing)
        results |= self._resolve(batch, results, backup)
        return replace(ended, outcomes=list(results.values()))

    def restore(
        self,
        repaired: RepairTable,
        days: Sequence[date],
        backup: Backup,
        own_backup: Backup,
        deadline: Deadline,
        *,
        over: Mapping[date, RepairedState],
        overwrite: bool,
    ) -> Ended[DateResult]:
        """Put dates back as `backup` has them, over what a repair published; `own_backup` is of the present state."""
        batch = self._batch(repaired, days, "undo", deadline)
        try:
            found = compare(batch, repaired, backup)
        except GradingError as error:
            return _failed(batch, error)
        alike = [
            DateResult(date=day, result=Result.UNCHANGED, detail="as in the backup already")
            for day in batch.days
            if not found[day].differing
        ]
        left = batch.without([result.date for result in alike])
        if not left:
            return Ended(alike)

        def wrong(batch: Batch) -> Mapping[date, Wrong]:
            return not_restored(batch, repaired, backup)

        source = RestoredRows(repaired=repaired, backup=backup, over=over, overwrite=overwrite)
        ended = self._run(left, _Repair(repaired=repaired, source=source, wrong=wrong, fallback=own_backup))
        if ended.split:
            return ended
        return replace(ended, outcomes=sorted([*alike, *ended.outcomes], key=lambda result: result.date))

    def _run(self, batch: Batch, repair: _Repair) -> Ended[DateResult]:
        events = self.events.bind(processor=batch.processor.name)
        if len(batch) == 1:
            events = _of(batch.only, events)
        held: Sequence[date] = ()
        try:
            with self.locker.hold_all(batch, events) as holds:
                held = [day for day in batch.days if day not in holds]
                batch = batch.holding(holds)
                results = self._write(batch, repair, events) if batch else {}
        except GradingError as error:
            return replace(_failed(batch, error), held=held)
        return Ended(list(results.values()), held, transaction_seconds=batch.transaction_seconds)

    def _write(self, batch: Batch, repair: _Repair, events: EventLog) -> Results:
        """Publish the dates, verify those that were published, and put back what is wrong. All locks are held."""
        written = self._publish(batch, repair.source, repair, events)
        results = {run.date: published(run, written[run.date]) for run in batch}
        done = batch.without([day for day in batch.days if results[day].result is not Result.REPAIRED])
        if not done:
            return results
        found = in_halves(done, repair.wrong)
        results |= {day: verified(results[day], found[day], repair.fallback) for day in done.days}
        wrong = {day: text for day, text in found.items() if isinstance(text, str) and text}
        if bad := done.without([day for day in done.days if day not in wrong]):
            results |= self._put_back(bad, results, wrong, repair, events)
        for run in done:
            self._tell(run, results[run.date], repair.fallback, _of(run, events))
        return results

    def _publish(
        self, batch: Batch, source: RowSource, repair: _Repair, events: EventLog
    ) -> Mapping[date, WriteResult]:
        return self.writer.write_all(batch, source, events, status=Status.REPAIRED, detail=repair.fallback.name)

    def _put_back(
        self, batch: Batch, results: Results, wrong: Mapping[date, str], repair: _Repair, events: EventLog
    ) -> Results:
        """Put back the old state of dates whose rows are wrong: not if someone else wrote them since."""
        again = Batch.of(*(run.again() for run in batch))
        over = {run.date: RepairedState(run.run_id, results[run.date].rows_after) for run in batch}
        source = RestoredRows(repaired=repair.repaired, backup=repair.fallback, over=over)
        written = in_halves(again, lambda part: self._publish(part, source, repair, events))
        return {day: put_back(results[day], wrong[day], written[day], repair.fallback) for day in batch.days}

    def _tell(self, run: Run, result: DateResult, fallback: Backup, events: EventLog) -> None:
        good = result.result is Result.REPAIRED
        events.emit(
            "date_repaired" if good else "repair_failed",
            f"{run.request.trigger_source} {run.processor.name} {run.lock_key}: {result.result}",
            "INFO" if good else "ERROR",
            rows_before=result.rows_before,
            rows_after=result.rows_after,
            backup=fallback.name,
            detail=result.detail,
        )

    def _written_clean(
        self, repaired: RepairTable, results: Results, deadline: Deadline, merge_differing: bool
    ) -> Results:
        """Of the dates that someone else wrote meanwhile those that have no duplicates: there is nothing to repair."""
        days = [day for day, result in results.items() if result.result is Result.WRITTEN_SINCE]
        if not days:
            return {}
        jobs = Jobs.of(self.warehouse, "survey", deadline)
        try:
            damage = survey(
                repaired, self.settings, jobs, start=min(days), end=max(days), merge_differing=merge_differing
            )
        except GradingError:
            return {}
        damaged = {found.day for found in damage.affected}
        detail = "written anew meanwhile, without duplicates"
        return {
            day: replace(results[day], result=Result.UNCHANGED, detail=detail) for day in days if day not in damaged
        }

    def _resolve(self, batch: Batch, results: Results, backup: Backup) -> Results:
        """Close the findings of the dates that were repaired."""
        days = [day for day, result in results.items() if result.result is Result.REPAIRED]
        if not days:
            return {}
        done = batch.without([day for day in batch.days if day not in days])
        error = self.audit.resolve_duplicates(
            done, lambda run: f"deduplicated by run {run.run_id}, backup {backup.name}"
        )
        detail = f"the audit was not updated: {error}"
        return {day: replace(results[day], detail=detail) for day in days} if error else {}

    def _batch(self, repaired: RepairTable, days: Sequence[date], trigger: str, deadline: Deadline) -> Batch:
        # An undo may well bring fewer keys back; a deduplication is verified key by key.
        requests = [Request(date=day, trigger_source=trigger, allow_shrink=True) for day in days]
        place = (self.settings, self.warehouse, deadline)
        return Batch.of(
            *(RepairRun.start(repaired.processor, request, *place, repaired=repaired) for request in requests)
        )


def _of(run: Run, events: EventLog) -> EventLog:
    return events.bind(date=run.lock_key, processor=run.processor.name, run_id=run.run_id)


def _failed(batch: Batch, error: GradingError) -> Ended[DateResult]:
    """A batch that failed before anything was published: to be tried in halves if that may help."""
    if len(batch) > 1 and may_be_of_one_date(error):
        return Ended(split=error)
    return Ended([DateResult(date=day, result=Result.FAILED, detail=str(error)) for day in batch.days])
