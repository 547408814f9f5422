"""Repairs one date: lock, fenced publish, verification, and the old state back if that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from foundation.clock import Clock, Deadline
from foundation.errors import GradingError
from foundation.events import EventLog
from grading.audit import Audit
from grading.batch import Batch
from grading.locker import Locker
from grading.maintenance.backup import Backup
from grading.maintenance.damage import survey
from grading.maintenance.repair_rows import (
    DeduplicatedRows,
    RepairedState,
    RestoredRows,
    WrittenSince,
    compare,
    values_of,
)
from grading.maintenance.repair_tables import RepairRun, RepairTable
from grading.outcome import Status
from grading.run import Request
from grading.settings import Settings
from grading.writing.schema import fence_statements
from grading.writing.staging import RowSource
from grading.writing.writer import Writer
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs
from warehouse.statements import Folder, literal

SQL = Folder("grading.maintenance.sql")


class Result(StrEnum):
    """What became of a date."""

    REPAIRED = "repaired"
    UNCHANGED = "unchanged"
    WRITTEN_SINCE = "written since"
    PUT_BACK = "put back"
    FAILED = "failed"

    @property
    def good(self) -> bool:
        return self in (Result.REPAIRED, Result.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateResult:
    """One date's repair: its rows before and after, and in words what an operator must know."""

    day: date
    result: Result
    rows_before: int = 0
    rows_after: int = 0
    run_id: str = ""
    detail: str = ""


Verify = Callable[[RepairRun], str]
"""Says what is wrong with the date after the publish; empty if nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairer:
    """Repairs dates, one at a time, each in one transaction. Killed anywhere, a date is whole: old or new."""

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
        self, repaired: RepairTable, day: date, backup: Backup, deadline: Deadline, *, merge_differing: bool
    ) -> DateResult:
        """Leave one row of each key: the earliest. Every `GradingError` becomes the result."""
        source = DeduplicatedRows(repaired=repaired, backup=backup, merge_differing=merge_differing)

        def verify(run: RepairRun) -> str:
            values = values_of(Batch.of(run), repaired, backup, merge_differing=merge_differing)
            found = run.jobs.ask("verify", SQL.fill("verify", **values, date=literal(run.date))).first
            wrong = found["wrong_keys"]
            return f"{wrong} of {found['keys']} keys are not as they should be" if wrong else ""

        result = self._repair(self._run(repaired, day, "dedupe", deadline), source, backup, verify)
        if result.result is Result.WRITTEN_SINCE and self._clean(repaired, day, deadline, merge_differing):
            return replace(result, result=Result.UNCHANGED, detail="written anew meanwhile, without duplicates")
        if result.result is Result.REPAIRED:
            return self._resolve(repaired, result, backup, deadline)
        return result

    def restore(
        self,
        repaired: RepairTable,
        day: date,
        backup: Backup,
        own_backup: Backup,
        deadline: Deadline,
        *,
        over: RepairedState,
        overwrite: bool,
    ) -> DateResult:
        """Put a date back as `backup` has it, over what a repair published; `own_backup` is of the present state."""
        run = self._run(repaired, day, "undo", deadline)
        try:
            if not compare(run, repaired, backup).differing:
                return DateResult(day=day, result=Result.UNCHANGED, detail="as in the backup already")
        except GradingError as error:
            return DateResult(day=day, result=Result.FAILED, detail=str(error))
        source = RestoredRows(repaired=repaired, backup=backup, over=over, overwrite=overwrite)

        def verify(run: RepairRun) -> str:
            found = compare(run, repaired, backup)
            if found.written_since:
                raise WrittenSince(f"{found.written_since} rows were written; they stay")
            return f"{found.differing} rows are not as in {backup.name}" if found.differing else ""

        return self._repair(run, source, own_backup, verify)

    def _repair(self, run: RepairRun, source: RowSource, fallback: Backup, verify: Verify) -> DateResult:
        events = self.events.bind(date=run.lock_key, processor=run.processor.name, run_id=run.run_id)
        day = run.date
        try:
            with self.locker.hold(run.processor, run.request, run.deadline, events) as hold:
                run = replace(run, hold=hold)
                written = self.writer.write(run, source, events, status=Status.REPAIRED, detail=fallback.name)
                if written.status is not Status.REPAIRED:
                    return DateResult(day=day, result=Result.FAILED, detail=f"{written.status}: nothing was changed")
                result = DateResult(
                    day=day,
                    result=Result.REPAIRED,
                    rows_before=written.present_rows,
                    rows_after=written.staged_keys + written.staged_excess_rows,
                    run_id=run.run_id,
                )
                result = self._verified(run, result, verify, fallback, events)
        except WrittenSince as since:
            return DateResult(day=day, result=Result.WRITTEN_SINCE, detail=str(since))
        except GradingError as error:
            return DateResult(day=day, result=Result.FAILED, detail=str(error))
        events.emit(
            "date_repaired" if result.result is Result.REPAIRED else "repair_failed",
            f"{run.request.trigger_source} {run.processor.name} {run.lock_key}: {result.result}",
            "INFO" if result.result is Result.REPAIRED else "ERROR",
            rows_before=result.rows_before,
            rows_after=result.rows_after,
            backup=fallback.name,
            detail=result.detail,
        )
        return result

    def _verified(
        self, run: RepairRun, result: DateResult, verify: Verify, fallback: Backup, events: EventLog
    ) -> DateResult:
        """Verify, and put the old state back if our rows are wrong: not if someone else wrote since."""
        try:
            wrong = verify(run)
            if not wrong:
                return result
            again = run.again()
            source = RestoredRows(
                repaired=run.repaired, backup=fallback, over=RepairedState(run.run_id, result.rows_after)
            )
            self.writer.write(again, source, events, status=Status.REPAIRED, detail=fallback.name)
        except WrittenSince as since:
            return replace(result, result=Result.WRITTEN_SINCE, detail=f"repaired, and then: {since}")
        except GradingError as error:
            detail = f"not verified, and not put back: {error}. To put it back: {fallback.undo_command}"
            return replace(result, result=Result.FAILED, detail=detail)
        return replace(
            result, result=Result.PUT_BACK, rows_after=result.rows_before, detail=f"{wrong}: the old state was put back"
        )

    def _clean(self, repaired: RepairTable, day: date, deadline: Deadline, merge_differing: bool) -> bool:
        try:
            found = survey(
                repaired,
                self.settings,
                Jobs.of(self.warehouse, "survey", deadline),
                start=day,
                end=day,
                merge_differing=merge_differing,
            )
        except GradingError:
            return False
        return not found.affected

    def _resolve(self, repaired: RepairTable, result: DateResult, backup: Backup, deadline: Deadline) -> DateResult:
        run = self._run(repaired, result.day, "dedupe", deadline)
        error = self.audit.resolve_duplicates(run, f"deduplicated by run {result.run_id}, backup {backup.name}")
        return replace(result, detail=f"the audit was not updated: {error}") if error else result

    def _run(self, repaired: RepairTable, day: date, trigger: str, deadline: Deadline) -> RepairRun:
        # An undo may well bring fewer keys back; a deduplication is verified key by key.
        request = Request(date=day, trigger_source=trigger, allow_shrink=True)
        return RepairRun.start(repaired.processor, request, self.settings, self.warehouse, deadline, repaired=repaired)
