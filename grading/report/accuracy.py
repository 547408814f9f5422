"""How accurate each system is, and whether its confidence says so; see docs/accuracy.md for the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from grading.settings import Settings
from grading.writing.inputs import SQL as INPUTS
from grading.writing.rules import rules_between
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal

SQL = Folder("grading.report.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAccuracy:
    """One system, in all (`is_total`) or in one decile of confidence; decile NULL: predictions without a confidence.

    `decided` are bets that were won or lost, `hits` those that were won; `hit_rate_low` and `hit_rate_high` are the
    bounds of the 95 % Wilson interval. `units` is the return of one unit on each of `real_bets` at -110.
    """

    system_id: str
    is_total: bool
    confidence_decile: int | None
    predictions: int
    decided: int
    hits: int
    hit_rate: float | None
    hit_rate_low: float | None
    hit_rate_high: float | None
    brier_score: float | None
    mae: float | None
    real_bets: int
    units: float


def accuracy_of(settings: Settings, jobs: Jobs, start: date, end: date) -> Sequence[SystemAccuracy]:
    """The accuracy of every system on the dates from `start` to `end`, both included; one job.

    Raises what `Jobs.ask` raises.
    """
    # No injury report is read: whether there is one need not be asked.
    values = rules_between(settings, jobs, start, end, injury_report=INPUTS.fill("absent_injury_report"))
    statement = SQL.fill("accuracy", **values, start=literal(start), end=literal(end), game=_game(settings, jobs))
    return [SystemAccuracy(**row) for row in jobs.ask("accuracy", statement).rows]


def _game(settings: Settings, jobs: Jobs) -> Sql:
    """The game that a grade is of: that of its box score, if the table says which."""
    names = {column.name for column in jobs.warehouse.columns(settings.target("prediction_accuracy"))}
    return Sql("IFNULL(g.box_score_game_id, g.game_id)" if "box_score_game_id" in names else "g.game_id")
