"""The check after a write: the business keys of a date, counted anew by an independent query."""

from __future__ import annotations

from grading.errors import GradingError
from grading.run import Run
from grading.statements import fragment
from grading.warehouse import Warehouse
from validation.duplicates import DuplicateReport, DuplicateSample


def find_duplicates(run: Run, warehouse: Warehouse) -> DuplicateReport:
    """What the run's date holds in its target table, with samples where keys have several rows.

    Raises what `Warehouse.run` raises, but not where only the samples cannot be had: duplicates are told without.
    """
    statement = fragment("validate", **run.values())
    counts = warehouse.run(statement, job_id=run.job_id("validate"), deadline=run.deadline).first
    samples = _samples(run, warehouse) if counts["duplicate_keys"] else ()
    return DuplicateReport(**counts, samples=samples)


def _samples(run: Run, warehouse: Warehouse) -> tuple[DuplicateSample, ...]:
    statement = fragment("duplicate_samples", **run.values())
    try:
        rows = warehouse.run(statement, job_id=run.job_id("samples"), deadline=run.deadline).rows
    except GradingError:
        return ()
    key = run.processor.business_key
    return tuple(
        DuplicateSample({name: row[name] for name in key}, row["copies"], row["written_at"] or "") for row in rows
    )
