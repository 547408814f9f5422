"""The check after a write: the business keys of a date, counted anew by an independent query."""

from __future__ import annotations

from grading.run import Run
from grading.statements import fragment
from grading.warehouse import Warehouse
from validation.duplicates import DuplicateReport


def find_duplicates(run: Run, warehouse: Warehouse) -> DuplicateReport:
    """What the run's date holds in its target table. Raises what `Warehouse.run` raises."""
    statement = fragment("validate", **run.values())
    rows = warehouse.run(statement, job_id=run.job_id("validate"), deadline=run.deadline).rows
    return DuplicateReport.from_rows(rows, run.processor.business_key)
