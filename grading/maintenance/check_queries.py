"""The queries of the daily checks, asked in BigQuery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from grading.catch_up_window import CATCH_UP_DAYS
from grading.maintenance.repair_tables import FIRST_DAY, PREDICTIONS
from grading.maintenance.ungraded import ungraded_statement
from grading.settings import Settings
from grading.writing.inputs import inputs, optional_input
from grading.writing.rules import SQL as RULES
from grading.writing.rules import rules_between
from validation.checks import RECENT_DAYS
from validation.quality import Ask, Window
from warehouse.bigquery import Warehouse
from warehouse.columns import Column, comparable
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, columns, dates_array, literal, number, table

DATES = Folder("grading.dates.sql")
CHECKS = Folder("validation.sql")

_VOLUME_DAYS = 28
_OWN_DAYS = 30
_FRESHNESS_DAYS = 14


def ask_warehouse(settings: Settings, jobs: Jobs, window: Window) -> Ask:
    """What answers the checks' queries for a window of dates. It raises what `Warehouse.run` raises."""

    def ask(query: str) -> Mapping[str, object]:
        return jobs.ask(query, check_statement(settings, jobs, window, query)).first

    return ask


def check_statement(settings: Settings, jobs: Jobs, window: Window, query: str) -> Sql:
    """The statement of a check. It looks up only what it needs itself, so that it fails for its own reasons alone.

    Raises what `Warehouse.columns` raises.
    """
    file = CHECKS.file(f"check_{query}")
    own = {name: make(settings, jobs, window) for name, make in _LOOKED_UP.items() if name in file.placeholders}
    return file.fill(**_values(settings, jobs.warehouse, window), **own)


def _prediction_content(settings: Settings, jobs: Jobs, _window: Window) -> Sql:
    return columns(column.name for column in _content(settings, jobs))


def _comparable_content(settings: Settings, jobs: Jobs, _window: Window) -> Sql:
    return comparable(_content(settings, jobs))


def _content(settings: Settings, jobs: Jobs) -> list[Column]:
    known = jobs.warehouse.columns(PREDICTIONS.path(settings))
    return [column for column in known if column.name not in PREDICTIONS.identity]


def _injury_report(settings: Settings, jobs: Jobs, window: Window) -> Sql:
    return optional_input("injury_report", settings, jobs.warehouse, window.end, jobs.deadline)


def _report_game_id(settings: Settings, jobs: Jobs, _window: Window) -> Sql:
    """The column, or NULL for reports that name no games: grading does not need it."""
    setting = "injury_report_table"
    found = None if settings.is_without(setting) else jobs.warehouse.described(settings.input_table(setting))
    return Sql("game_id" if found is None or found.column("game_id") else "CAST(NULL AS STRING)")


def _newest_injury_reports(settings: Settings, jobs: Jobs, window: Window) -> Sql:
    return rules_between(settings, jobs, window.start, window.end)["newest_injury_reports"]


def _rules_version(settings: Settings, jobs: Jobs, _window: Window) -> Sql:
    """The column, or NULL in a table that is older than it."""
    names = [column.name for column in jobs.warehouse.columns(settings.target("prediction_accuracy"))]
    return Sql("rules_version" if "rules_version" in names else "NULL")


def _ungraded(settings: Settings, jobs: Jobs, window: Window) -> Sql:
    return ungraded_statement(settings, jobs, window.start, window.end)


def _late_dates(settings: Settings, jobs: Jobs, window: Window) -> Sql:
    """The survey that catch-up decides by, of the dates that it no longer looks at."""
    first = window.end - timedelta(days=settings.late_box_scores_days - 1)
    return DATES.fill("dates", **rules_between(settings, jobs, first, window.end - timedelta(days=CATCH_UP_DAYS)))


_LOOKED_UP: Mapping[str, Callable[[Settings, Jobs, Window], Sql]] = {
    "prediction_content": _prediction_content,
    "comparable_content": _comparable_content,
    "injury_report": _injury_report,
    "report_game_id": _report_game_id,
    "newest_injury_reports": _newest_injury_reports,
    "rules_version": _rules_version,
    "ungraded": _ungraded,
    "late_dates": _late_dates,
}


def _values(settings: Settings, warehouse: Warehouse, window: Window) -> Mapping[str, Sql]:
    games = settings.games()
    dates = {
        "start": window.start,
        "end": window.end,
        "yesterday": window.end,
        "today": window.today,
        "first_day": FIRST_DAY,
        "last_week": window.today - timedelta(days=RECENT_DAYS),
        "week_before": window.today - timedelta(days=2 * RECENT_DAYS),
        "window_before": window.start - timedelta(days=window.days),
        "four_weeks_before": window.start - timedelta(days=_VOLUME_DAYS),
        "thirty_days_before": window.start - timedelta(days=_OWN_DAYS),
        "two_weeks_before": window.today - timedelta(days=_FRESHNESS_DAYS),
        "season_start": games.start(window.end),
    }
    return {
        **inputs(settings, warehouse),
        **{name: literal(day) for name, day in dates.items()},
        "runs": table(settings.target("grading_runs")),
        "teams_named": RULES.fill("teams_named"),
        "gradable": PREDICTIONS.condition(settings),
        "season_dates": dates_array(games.row_before(window.today, _FRESHNESS_DAYS)),
        "milestone_mae": number(settings.milestone_mae),
        "milestone_win_rate": number(settings.milestone_win_rate),
    }
