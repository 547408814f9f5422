"""The check after a write: the business keys of a date, counted anew by an independent query."""

from __future__ import annotations

from grading.run import Run
from validation.duplicates import DuplicateReport, find_duplicates


def validate(run: Run) -> DuplicateReport:
    """What the run's date holds in its target table now. Raises what `Jobs.ask` raises."""
    return find_duplicates(run.jobs.ask, run.values(), run.processor.business_key)
