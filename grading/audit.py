"""The audit tables: runs that published nothing, and duplicates that were found and resolved."""

from __future__ import annotations

from dataclasses import dataclass

from grading.run import Run
from grading.statements import Sql, fragment, literal, table
from grading.warehouse import Warehouse
from validation.duplicates import DuplicateReport, DuplicateSample


@dataclass(frozen=True, slots=True)
class Audit:
    """Appends to the audit tables. Raises what `Warehouse.run` raises; the caller decides whether that matters."""

    warehouse: Warehouse

    def record_unpublished(self, run: Run, status: str, detail: str) -> None:
        """A row of `grading_runs` for a run that changed nothing."""
        statement = fragment("record_run", **run.values(), status=literal(status), detail=literal(detail))
        self.warehouse.run(statement, job_id=run.job_id("record"), deadline=run.deadline)

    def has_published(self, run: Run) -> bool:
        """Whether a run of the same event has published the date."""
        statement = fragment("published_by_event", **run.values())
        found = self.warehouse.run(statement, job_id=run.job_id("repeat"), deadline=run.deadline).first
        return int(found["runs"]) > 0

    def record_duplicates(self, run: Run, report: DuplicateReport) -> None:
        """One row of `grading_duplicate_audit` per sample key; one without a key where no sample could be had."""
        rows = Sql(",\n".join(_audit_row(run, report, sample) for sample in report.samples or (_NO_SAMPLE,)))
        statement = fragment("record_duplicates", audit=_audit(run), rows=rows)
        self.warehouse.run(statement, job_id=run.job_id("audit"), deadline=run.deadline)

    def resolve_duplicates(self, run: Run, notes: str) -> None:
        """Mark the date's open duplicate rows as resolved."""
        statement = fragment("resolve_duplicates", **run.values(), notes=literal(notes))
        self.warehouse.run(statement, job_id=run.job_id("resolve"), deadline=run.deadline)


_NO_SAMPLE = DuplicateSample({}, 0, "")


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
