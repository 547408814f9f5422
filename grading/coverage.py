"""What there is to grade on a date, and why the rest is not."""

from __future__ import annotations

from grading.outcome import Coverage
from grading.run import Run
from grading.sources import inputs
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
_GRADABLE = ("with_box_score", "no_box_score_for_game", "no_box_score_for_player")


def read_coverage(run: Run, warehouse: Warehouse) -> Coverage:
    """Count the date's predictions: gradable, with a box score, and ungraded by reason."""
    statement = fragment("coverage", **run.values(), **inputs(run.settings))
    rows = warehouse.run(statement, job_id=run.job_id("coverage"), deadline=run.deadline).rows
    predictions = {row["reason"]: int(row["predictions"]) for row in rows}
    # Of what is gradable one prediction a key counts; of the rest every one.
    counted = predictions | {row["reason"]: row["business_keys"] for row in rows if row["reason"] in _GRADABLE}
    gradable = sum(counted.get(reason, 0) for reason in _GRADABLE)
    counted["superseded"] = sum(predictions.get(reason, 0) for reason in _GRADABLE) - gradable
    return Coverage(
        predictions=sum(predictions.values()),
        gradable=gradable,
        with_box_score=counted.get("with_box_score", 0),
        ungraded={reason: counted.get(reason, 0) for reason in UNGRADED_REASONS},
    )
