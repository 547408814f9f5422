"""What there is to grade on a date, and why the rest is not."""

from __future__ import annotations

from grading.outcome import Coverage
from grading.run import Run
from grading.sources import input_tables
from grading.statements import fragment
from grading.warehouse import Warehouse

UNGRADED_REASONS = (
    "no_box_score_for_game",
    "no_box_score_for_player",
    "inactive",
    "invalidated",
    "line_source",
    "no_line",
    "placeholder_line",
    "superseded",
)


def read_coverage(run: Run, warehouse: Warehouse) -> Coverage:
    """Count the date's predictions: gradable, with a box score, and ungraded by reason."""
    statement = fragment("coverage", **run.values(), **input_tables(run.settings))
    found = warehouse.run(statement, job_id=run.job_id("coverage"), deadline=run.deadline).first
    return Coverage(
        predictions=found["predictions"],
        gradable=found["gradable"],
        with_box_score=found["with_box_score"],
        ungraded={reason: found[reason] for reason in UNGRADED_REASONS},
    )
