"""The queries of the daily checks, asked in BigQuery."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta

from grading.clock import Deadline
from grading.settings import Settings
from grading.sources import inputs
from grading.statements import Sql, columns, fragment, literal, table
from grading.warehouse import Warehouse
from maintenance.tables import FIRST_DAY, PREDICTIONS
from validation.checks import RECENT_DAYS
from validation.quality import Ask, Window

_VOLUME_DAYS = 28


def ask_warehouse(settings: Settings, warehouse: Warehouse, deadline: Deadline, window: Window) -> Ask:
    """What answers the checks' queries for a window of dates. It raises what `Warehouse.run` raises."""
    names = [column.name for column in warehouse.columns(PREDICTIONS.path(settings))]
    values = _values(settings, window, names)
    job = f"grading-check-{uuid.uuid4().hex}"

    def ask(query: str) -> Mapping[str, object]:
        return warehouse.run(fragment(f"checks/{query}", **values), job_id=f"{job}-{query}", deadline=deadline).first

    return ask


def _values(settings: Settings, window: Window, prediction_columns: Sequence[str]) -> Mapping[str, Sql]:
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
        **inputs(settings),
        **{name: literal(day) for name, day in dates.items()},
        "runs": table(settings.target("grading_runs")),
        "gradable": PREDICTIONS.condition,
        "prediction_content": columns(name for name in prediction_columns if name not in PREDICTIONS.identity),
    }
    return {**values, "ungraded": fragment("maintenance/ungraded", **values)}
