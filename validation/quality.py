"""Runs the daily checks: a query for each file, whatever the number of checks that read it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from grading.clock import Deadline
from grading.settings import Settings
from grading.sources import input_tables
from grading.statements import Sql, columns, fragment, literal, table
from grading.warehouse import Warehouse
from validation.checks import CHECKS, HIGHEST_MAE, LOWEST_WIN_RATE, RECENT_DAYS, Check, CheckResult

FIRST_DAY = date(2000, 1, 1)
_VOLUME_DAYS = 28
_IDENTITY = ("created_at", "prediction_id")


@dataclass(frozen=True, slots=True)
class Window:
    """The `days` dates before `today`, which itself is not over."""

    today: date
    days: int

    @property
    def start(self) -> date:
        return self.today - timedelta(days=self.days)

    @property
    def end(self) -> date:
        return self.today - timedelta(days=1)


def run_checks(
    settings: Settings, warehouse: Warehouse, deadline: Deadline, window: Window, checks: Sequence[Check] = CHECKS
) -> list[CheckResult]:
    """Every check, in order. Raises what `Warehouse.run` raises: a check that cannot run is no check."""
    names = [column.name for column in warehouse.columns(settings.input_table("predictions_table"))]
    values = check_values(settings, window, names)
    job = f"grading-check-{uuid.uuid4().hex}"
    answers = {
        query: warehouse.run(fragment(f"checks/{query}", **values), job_id=f"{job}-{query}", deadline=deadline).first
        for query in dict.fromkeys(check.query for check in checks)
    }
    return [_result(check, answers[check.query], window) for check in checks]


def check_values(settings: Settings, window: Window, prediction_columns: Sequence[str]) -> Mapping[str, Sql]:
    """What the checks' files are filled with."""
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
        **input_tables(settings),
        **{name: literal(day) for name, day in dates.items()},
        "runs": table(settings.target("grading_runs")),
        "gradable": fragment("maintenance/gradable"),
        "prediction_content": columns(name for name in prediction_columns if name not in _IDENTITY),
        "highest_mae": Sql(f"NUMERIC '{HIGHEST_MAE}'"),
        "lowest_win_rate": Sql(LOWEST_WIN_RATE),
    }
    return {**values, "ungraded": fragment("maintenance/ungraded", **values)}


def _result(check: Check, answer: Mapping[str, object], window: Window) -> CheckResult:
    figure = answer[check.name]
    samples = answer[f"{check.name}_samples"]
    return CheckResult(
        check=check,
        figure=None if figure is None else float(str(figure)),
        samples=str(samples).split("; ") if samples else (),
        next_command=check.next_command.format(start=window.start, end=window.end),
    )
