"""The input tables as SQL; an optional one that does not exist is read as empty."""

from __future__ import annotations

from grading.run import Run
from grading.settings import Settings
from grading.statements import Sql, fragment, placeholders, table
from grading.warehouse import Warehouse

OPTIONAL = {"injury_report": "injury_report_table", "archetypes": "archetypes_table"}


def input_tables(settings: Settings) -> dict[str, Sql]:
    """The tables that must exist."""
    return {
        "predictions": table(settings.input_table("predictions_table")),
        "box_scores": table(settings.input_table("box_scores_table")),
        "accuracy": table(settings.target("prediction_accuracy")),
    }


def select_of(run: Run, warehouse: Warehouse) -> Sql:
    """The SELECT of the run's processor for its date, with optional inputs replaced where they are missing."""
    optional = {
        name: _table_or_empty(name, setting, run.settings, warehouse)
        for name, setting in OPTIONAL.items()
        if name in placeholders(run.processor.name)
    }
    return fragment(run.processor.name, **run.values(), **input_tables(run.settings), **optional)


def _table_or_empty(name: str, setting: str, settings: Settings, warehouse: Warehouse) -> Sql:
    path = settings.input_table(setting)
    return table(path) if warehouse.exists(path) else fragment(f"absent/{name}")
