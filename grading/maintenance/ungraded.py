"""Predictions without a grade: each has one cause, and each cause one thing to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from foundation import commands
from grading.catch_up_window import is_looked_at_next
from grading.settings import Settings
from grading.writing.rules import rules_between
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, table

SQL = Folder("grading.maintenance.sql")

GRADED = "graded"

ADVICE: Mapping[str, str] = {
    "no_box_score_for_game": "no box score of the game has arrived yet",
    "no_box_score_for_player": "the game's box scores lack the player: compare the names below, and mend the spelling "
    "upstream; if the player was inactive, invalidate the prediction",
    "game_id_differs": "the player's box score is of other teams, or there are two: mend game_id upstream, then grade",
    "game_not_played": "three days on, no box score of the game has arrived: if it was not played, set "
    "invalidation_reason upstream; if it was, load its box scores, then grade",
    "listed_out": "the injury report lists the player as out: no box score is expected, nothing to do",
    "made_after_game": "the prediction was made after the game: never graded beside an earlier one, or at all with "
    "GRADE_AFTER_GAME=false",
    "placeholder_line": "the line is a placeholder: never graded, by rule; a real line? see PLACEHOLDER_LINES",
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
_TO_MEND = ("no_box_score_for_player", "game_id_differs", "game_not_played")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """The predictions of one date with one cause. `run_id` and `run_detail` are of the date's last run.

    `caught_up` says that the catch-up looks at the date, and grades what it can by itself.
    """

    day: date
    cause: str
    predictions: int
    run_id: str | None
    run_detail: str | None
    caught_up: bool = True

    @property
    def advice(self) -> str:
        """What to do, with the command if there is one."""
        text = ADVICE[self.cause]
        if self.cause == "run_failed":
            text = f"run {self.run_id} failed ({self.run_detail}): read why, then grade again"
        if self.cause == "no_box_score_for_game":
            return (
                f"{text}: catch-up grades it when it does" if self.caught_up else f"{text}; when it has: {self._grade}"
            )
        if self.cause in GRADABLE_NOW:
            return f"{text}: {self._grade}"
        return f"{text}: {self._grade}" if self.cause in _TO_MEND and not self.caught_up else text

    @property
    def _grade(self) -> str:
        return commands.grade(self.day)


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
    statement = ungraded_statement(settings, jobs, start, end)
    rows = jobs.ask("ungraded", statement).rows
    return UngradedReport(
        predictions=sum(row["predictions"] for row in rows),
        graded=sum(row["predictions"] for row in rows if row["cause"] == GRADED),
        causes=list(
            _causes(rows, partial(is_looked_at_next, now=jobs.deadline.clock.now(), local_date=settings.local_date))
        ),
    )


def ungraded_statement(settings: Settings, jobs: Jobs, start: date, end: date) -> Sql:
    """The query: date, cause and number of predictions."""
    values = rules_between(settings, jobs, start, end)
    return SQL.fill("ungraded", **values, runs=table(settings.target("grading_runs")))


def _causes(rows: Sequence[Mapping[str, object]], caught_up: Callable[[date], bool]) -> Iterator[Ungraded]:
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
                caught_up=caught_up(day),
            )


def _text(value: object) -> str | None:
    return str(value) if value else None
