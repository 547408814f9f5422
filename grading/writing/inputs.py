"""The inputs as SQL: the tables, an optional one that does not exist read as empty; and the rule of what counts."""

from __future__ import annotations

from grading.run import Run
from grading.settings import Settings
from warehouse.statements import Folder, Sql, table

SQL = Folder("grading.sql")

OPTIONAL = {"injury_report": "injury_report_table", "archetypes": "archetypes_table"}


def inputs(settings: Settings) -> dict[str, Sql]:
    """The tables that must exist, and why a prediction may not be graded."""
    return {
        "predictions": table(settings.input_table("predictions_table")),
        "box_scores": table(settings.input_table("box_scores_table")),
        "accuracy": table(settings.target("prediction_accuracy")),
        "why_not_graded": SQL.fill("why_not_graded"),
    }


def select_of(run: Run) -> Sql:
    """The SELECT of the run's processor for its date, with optional inputs replaced where they are missing."""
    optional = {
        name: _table_or_empty(name, setting, run)
        for name, setting in OPTIONAL.items()
        if name in SQL.file(run.processor.name).placeholders
    }
    return SQL.fill(run.processor.name, **run.values(), **inputs(run.settings), **optional)


def _table_or_empty(name: str, setting: str, run: Run) -> Sql:
    path = run.settings.input_table(setting)
    return table(path) if run.jobs.warehouse.exists(path, deadline=run.deadline) else SQL.fill(f"absent_{name}")
