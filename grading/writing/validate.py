"""The check after a write: the business keys of its dates, counted anew by an independent query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from grading.batch import Batch
from grading.run import Run
from validation.duplicates import DuplicateReport, find_duplicates


def validate(run: Run) -> DuplicateReport:
    """What the run's date holds in its target table now. Raises what `Jobs.ask` raises."""
    return validate_all(Batch.of(run))[run.date]


def validate_all(batch: Batch) -> Mapping[date, DuplicateReport]:
    """What each date of a batch holds in its target table now, by one query. Raises what `Jobs.ask` raises."""
    return find_duplicates(batch.jobs.ask, batch.values(), batch.processor.business_key)
