"""The inputs as SQL: the tables, an optional one that does not exist read as empty; and the rule of what counts."""

from __future__ import annotations

from grading.run import Run
from grading.settings import Settings
from warehouse.bigquery import Warehouse
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
        name: optional_table(name, run.settings, run.jobs.warehouse)
        for name in OPTIONAL
        if name in SQL.file(run.processor.name).placeholders
    }
    return SQL.fill(run.processor.name, **run.values(), **inputs(run.settings), **optional)


def optional_table(name: str, settings: Settings, warehouse: Warehouse) -> Sql:
    """An input by its name in `OPTIONAL`; if its table does not exist, an empty one."""
    path = settings.input_table(OPTIONAL[name])
    return table(path) if warehouse.exists(path) else SQL.fill(f"absent_{name}")
