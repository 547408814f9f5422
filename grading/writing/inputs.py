"""The inputs as SQL: the tables, an optional one that does not exist read as empty; and the rule of what counts."""

from __future__ import annotations

from foundation.clock import Deadline
from grading.settings import Settings
from warehouse.bigquery import Warehouse
from warehouse.statements import Folder, Sql, table

SQL = Folder("grading.sql")

OPTIONAL = {"injury_report": "injury_report_table", "archetypes": "archetypes_table"}


def inputs(settings: Settings) -> dict[str, Sql]:
    """The tables that must exist, and why a prediction may not be graded."""
    lines = placeholder_lines(settings)
    return {
        "predictions": table(settings.input_table("predictions_table")),
        "box_scores": table(settings.input_table("box_scores_table")),
        "accuracy": table(settings.target("prediction_accuracy")),
        "placeholder_lines": lines,
        "why_not_graded": SQL.fill("why_not_graded", placeholder_lines=lines),
    }


def placeholder_lines(settings: Settings) -> Sql:
    """The lines that are none, as a list for IN; nothing is in it if there are no such lines."""
    return Sql(", ".join(f"NUMERIC '{line}'" for line in settings.placeholders) or "CAST(NULL AS NUMERIC)")


def optional_input(name: str, settings: Settings, warehouse: Warehouse | None, deadline: Deadline | None = None) -> Sql:
    """An optional input: its table, or nothing if that does not exist. Without a warehouse it is taken to exist."""
    path = settings.input_table(OPTIONAL[name])
    there = warehouse is None or warehouse.exists(path, deadline=deadline)
    return table(path) if there else SQL.fill(f"absent_{name}")
