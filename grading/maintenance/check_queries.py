"""The queries of the daily checks, asked in BigQuery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from grading.maintenance.repair_tables import FIRST_DAY, PREDICTIONS
from grading.settings import Settings
from grading.writing.inputs import inputs
from validation.checks import RECENT_DAYS
from validation.quality import Ask, Window
from warehouse.bigquery import Warehouse
from warehouse.columns import comparable
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, columns, literal, table

SQL = Folder("grading.maintenance.sql")
CHECKS = Folder("validation.sql")

_VOLUME_DAYS = 28


def ask_warehouse(settings: Settings, jobs: Jobs, window: Window) -> Ask:
    """What answers the checks' queries for a window of dates. It raises what `Warehouse.run` raises."""
    values = values_of_checks(settings, jobs.warehouse, window)

    def ask(query: str) -> Mapping[str, object]:
        return jobs.ask(query, CHECKS.fill(f"check_{query}", **values)).first

    return ask


def values_of_checks(settings: Settings, warehouse: Warehouse, window: Window) -> Mapping[str, Sql]:
    """What the checks fill into the files of `validation/sql`. Raises what `Warehouse.columns` raises."""
    known = warehouse.columns(PREDICTIONS.path(settings))
    content = [column for column in known if column.name not in PREDICTIONS.identity]
    dates = {
        "start": window.start,
        "end": window.end,
        "yesterday": window.end,
        "today": window.today,
        "first_day": FIRST_DAY,
        "last_week": window.today - timedelta(days=RECENT_DAYS),
        "week_before": window.today - timedelta(days=2 * RECENT_DAYS),
        "four_weeks_before": window.start - timedelta(days=_VOLUME_DAYS),
    }
    values = {
        **inputs(settings, warehouse),
        **{name: literal(day) for name, day in dates.items()},
        "runs": table(settings.target("grading_runs")),
        "gradable": PREDICTIONS.condition,
        "prediction_content": columns(column.name for column in content),
        "comparable_content": comparable(content),
    }
    return {**values, "ungraded": SQL.fill("ungraded", **values)}
