"""Predictions without a grade: each has one cause, and each cause one thing to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from alerts import commands
from grading.settings import Settings
from grading.writing.inputs import inputs
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.maintenance.sql")

GRADED = "graded"

ADVICE: Mapping[str, str] = {
    "no_box_score_for_game": "no box score of the game has arrived: catch-up grades it when it does",
    "no_box_score_for_player": "the game's box score lacks the player: check the name's spelling upstream",
    "placeholder_line": "the line is the placeholder 20.0: never graded, by rule",
    "no_line": "the prediction has no line: never graded, by rule",
    "line_source": "its line comes from no sportsbook: never graded, by rule",
    "inactive": "the prediction was withdrawn: never graded, by rule",
    "invalidated": "the prediction was invalidated: never graded, by rule",
    "superseded": "a newer prediction of the same key counts instead",
    "not_yet_run": "it can be graded now",
    "run_failed": "the last run failed: read why, then grade again",
}
"""Each cause, and what to do."""

GRADABLE_NOW = ("not_yet_run", "run_failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """The predictions of one date with one cause. `run_id` and `run_detail` are of the date's last run."""

    day: date
    cause: str
    predictions: int
    run_id: str | None
    run_detail: str | None

    @property
    def advice(self) -> str:
        """What to do, with the command where there is one."""
        text = ADVICE[self.cause]
        if self.cause == "run_failed":
            text = f"run {self.run_id} failed ({self.run_detail}): read why, then grade again"
        return f"{text}: {commands.grade(self.day)}" if self.cause in GRADABLE_NOW else text


@dataclass(frozen=True, slots=True, kw_only=True)
class UngradedReport:
    """What became of every prediction of a range."""

    predictions: int
    graded: int
    causes: Sequence[Ungraded]

    @property
    def total(self) -> int:
        """The predictions without a grade; the causes add up to it."""
        return self.predictions - self.graded

    @property
    def by_cause(self) -> Mapping[str, int]:
        """The same over all dates, largest first."""
        counted: Counter[str] = Counter()
        for found in self.causes:
            counted[found.cause] += found.predictions
        return dict(counted.most_common())

    @property
    def gradable_dates(self) -> Sequence[date]:
        """The dates with predictions that a run would grade now."""
        return sorted({found.day for found in self.causes if found.cause in GRADABLE_NOW})


def find_ungraded(settings: Settings, jobs: Jobs, *, start: date, end: date) -> UngradedReport:
    """Explain each prediction of the dates from `start` to `end`, both included, in one query."""
    statement = ungraded_statement(settings, start, end, jobs.warehouse)
    rows = jobs.ask("ungraded", statement).rows
    return UngradedReport(
        predictions=sum(row["predictions"] for row in rows),
        graded=sum(row["predictions"] for row in rows if row["cause"] == GRADED),
        causes=list(_causes(rows)),
    )


def ungraded_statement(settings: Settings, start: date, end: date, warehouse: Warehouse | None = None) -> Sql:
    """The query: date, cause and number of predictions."""
    return SQL.fill(
        "ungraded",
        **inputs(settings, warehouse),
        runs=table(settings.target("grading_runs")),
        start=literal(start),
        end=literal(end),
    )


def _causes(rows: Sequence[Mapping[str, object]]) -> Iterator[Ungraded]:
    for row in rows:
        if row["cause"] != GRADED:
            day, predictions = row["game_date"], row["predictions"]
            assert isinstance(day, date)
            assert isinstance(predictions, int)
            yield Ungraded(
                day=day,
                cause=str(row["cause"]),
                predictions=predictions,
                run_id=_text(row["run_id"]),
                run_detail=_text(row["detail"]) or _text(row["status"]),
            )


def _text(value: object) -> str | None:
    return str(value) if value else None
