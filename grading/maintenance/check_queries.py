"""The queries of the daily checks, asked in BigQuery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from grading.maintenance.repair_tables import FIRST_DAY, PREDICTIONS
from grading.settings import Settings
from grading.writing.rules import rules
from validation.checks import RECENT_DAYS
from validation.quality import Ask, Window
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, columns, literal, table

SQL = Folder("grading.maintenance.sql")
CHECKS = Folder("validation.sql")
DATES = Folder("grading.dates.sql")

_VOLUME_DAYS = 28


def ask_warehouse(settings: Settings, jobs: Jobs, window: Window) -> Ask:
    """What answers the checks' queries for a window of dates. It raises what `Warehouse.run` raises."""
    names = [column.name for column in jobs.warehouse.columns(PREDICTIONS.path(settings))]
    values = _values(settings, jobs.warehouse, window, names)

    def ask(query: str) -> Mapping[str, object]:
        return jobs.ask(query, CHECKS.fill(f"check_{query}", **values)).first

    return ask


def _values(
    settings: Settings, warehouse: Warehouse, window: Window, prediction_columns: Sequence[str]
) -> Mapping[str, Sql]:
    dates = {
        "start": window.start,
        "end": window.end,
        "yesterday": window.end,
        "today": window.today,
        "first_day": FIRST_DAY,
        "season_start": window.season_start,
        "last_week": window.today - timedelta(days=RECENT_DAYS),
        "week_before": window.today - timedelta(days=2 * RECENT_DAYS),
        "four_weeks_before": window.start - timedelta(days=_VOLUME_DAYS),
    }
    values = {
        **rules(settings, window.start, window.end, window.today, warehouse),
        **{name: literal(day) for name, day in dates.items()},
        "runs": table(settings.target("grading_runs")),
        "gradable": PREDICTIONS.condition(settings),
        "prediction_content": columns(name for name in prediction_columns if name not in PREDICTIONS.identity),
    }
    late = rules(settings, dates["four_weeks_before"], window.start - timedelta(days=1), window.today, warehouse)
    return {
        **values,
        "ungraded": SQL.fill("ungraded", **values),
        "late_dates": DATES.fill("dates", **late),
    }
