"""The audit tables: runs that published nothing, and duplicates that were found and resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from foundation.errors import GradingError
from foundation.events import EventLog
from grading.batch import Batch
from grading.outcome import Status
from grading.run import Run
from validation.duplicates import DuplicateReport, DuplicateSample
from warehouse.statements import Folder, Sql, columns, literal, rows_array, table

SQL = Folder("grading.sql")


@dataclass(frozen=True, slots=True)
class Audit:
    """Appends to the audit tables. Never raises: what could not be recorded is logged, and harms no run."""

    events: EventLog

    def record_unpublished(self, run: Run, status: str, detail: str) -> GradingError | None:
        """A row of `grading_runs` for a run that changed nothing. Returns why it was not recorded, or None."""
        return self.record_all_unpublished([(run, status, detail)])

    def record_all_unpublished(self, ended: Sequence[tuple[Run, str, str]]) -> GradingError | None:
        """The same for the runs of a batch that changed nothing, each with its status and detail, by one job."""
        if not ended:
            return None
        batch = Batch.of(*(run for run, _, _ in ended))
        statement = SQL.fill("record_run", **batch.values(), **unpublished_runs(ended))
        return self._append(batch, "record", statement, "the run was not recorded")

    def record_rows_missing(self, run: Run, detail: str) -> GradingError | None:
        """A further row for a run whose rows are gone: nothing is updated, the latest row of a run counts."""
        later = replace(run, started_at=run.deadline.clock.now())
        return self.record_unpublished(later, Status.ROWS_MISSING.value, detail)

    def record_superseded(self, run: Run) -> bool:
        """Record a superseded run, unless a run of the same event has published the date: whether one has.

        One statement asks and records, so that it costs one job; False if it could not be run.
        """
        try:
            inserted = run.jobs.ask("repeat", SQL.fill("record_superseded", **run.values())).inserted
        except GradingError:
            return False  # only the log would say more
        return inserted == 0

    def record_duplicates(self, run: Run, report: DuplicateReport) -> GradingError | None:
        """One row of `grading_duplicate_audit` a sample key; one without a key if no sample could be had."""
        rows = Sql(",\n".join(_audit_row(run, report, sample) for sample in report.samples or (_NO_SAMPLE,)))
        statement = SQL.fill("record_duplicates", audit=_audit(run), rows=rows)
        return self._append(Batch.of(run), "audit", statement, "duplicates were not recorded")

    def resolve_duplicates(self, batch: Batch, notes: Callable[[Run], str]) -> GradingError | None:
        """Mark the open duplicate rows of the batch's dates as resolved, each date's with its run's notes."""
        statement = SQL.fill("resolve_duplicates", **batch.values(), resolved=resolved_findings(batch, notes))
        return self._append(batch, "resolve", statement, "duplicates were not marked as resolved")

    def _append(self, batch: Batch, step: str, statement: Sql, lost: str) -> GradingError | None:
        try:
            batch.jobs.ask(step, statement)
        except GradingError as error:
            for run in batch:
                events = self.events.bind(date=run.lock_key, processor=run.processor.name, run_id=run.run_id)
                events.emit("audit_failed", f"{lost}: {error}", "ERROR")
            return error
        return None


def resolved_findings(batch: Batch, notes: Callable[[Run], str]) -> Sql:
    """The batch's dates with their notes, as an array for `resolve_duplicates.sql`."""
    return rows_array({"day": "DATE", "notes": "STRING"}, [(literal(run.date), literal(notes(run))) for run in batch])


_NO_SAMPLE = DuplicateSample({}, 0, "")


def unpublished_runs(ended: Sequence[tuple[Run, str, str]]) -> Mapping[str, Sql]:
    """Runs that changed nothing, each with its status and detail, as `record_run.sql` takes them."""
    rows = [_unpublished_row(run, status, detail) for run, status, detail in ended]
    return {
        "unpublished_columns": columns(rows[0]),
        "unpublished": Sql(",\n  ".join(f"({', '.join(value.text for value in row.values())})" for row in rows)),
    }


def _unpublished_row(run: Run, status: str, detail: str) -> Mapping[str, Sql]:
    """The columns of `grading_runs` and their values for a run that changed nothing: token and commit are NULL."""
    return {
        **run.identity(),
        **dict.fromkeys(("rows_deleted", "rows_inserted", "duplicate_keys"), literal(0)),
        "status": literal(status),
        "detail": literal(detail),
        **run.trace.recorded(run.hold, run.settings.code_version),
    }


def _audit(run: Run) -> Sql:
    return table(run.settings.target("grading_duplicate_audit"))


def _audit_row(run: Run, report: DuplicateReport, sample: DuplicateSample) -> str:
    values = (
        Sql("CURRENT_TIMESTAMP()"),
        literal(run.date),
        literal(report.duplicate_keys),
        literal(run.processor.name),
        literal(sample.key.get("player_lookup")),
        literal(sample.key.get("system_id")),
        Sql(f"SAFE_CAST({literal(sample.key.get('line_value'))} AS FLOAT64)"),
        literal(sample.copies or None),
        Sql("NULL"),
        Sql("CAST(NULL AS TIMESTAMP)"),
        literal(f"rows written {sample.written_at}"),
    )
    return f"({', '.join(value.text for value in values)})"
