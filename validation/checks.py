"""The daily checks, as data: which figure each looks at, what is good enough, and what to type where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "warn", "fail"]
Unit = Literal["count", "share", "days"]

RECENT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    `query` names a file of `validation/sql`, `check_{query}.sql`, which answers one row: the figure in the column
    `name`, and examples as text in `{name}_samples`. The check warns and fails if the figure is above (or, with
    `less_is_worse`, below) these limits; a figure that is NULL passes, as there is nothing to judge. `next_command`
    may hold `{start}` and `{end}`, the window's dates, and `{season_start}`.
    """

    number: int
    name: str
    query: str
    meaning: str
    warn: float
    fail: float
    unit: Unit = "count"
    less_is_worse: bool = False
    next_command: str

    def judge(self, figure: float | None) -> Verdict:
        """What the figure means."""
        if figure is None:
            return "pass"
        sign = -1 if self.less_is_worse else 1
        if sign * figure > sign * self.fail:
            return "fail"
        return "warn" if sign * figure > sign * self.warn else "pass"

    def text(self, figure: float | None) -> str:
        """A figure in its unit."""
        if figure is None:
            return "nothing to judge"
        match self.unit:
            case "share":
                return f"{figure:.1%}"
            case "days":
                return f"{figure:.0f} days"
        return f"{figure:,.0f}"

    @property
    def threshold(self) -> str:
        """The limits in words."""
        side = "below" if self.less_is_worse else "above"
        if self.warn == self.fail:
            return f"fails {side} {self.text(self.fail)}"
        return f"warns {side} {self.text(self.warn)}, fails {side} {self.text(self.fail)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check ended."""

    check: Check
    figure: float | None
    samples: Sequence[str]
    next_command: str

    @property
    def verdict(self) -> Verdict:
        return self.check.judge(self.figure)

    @property
    def figure_text(self) -> str:
        return self.check.text(self.figure)


def worst(results: Sequence[CheckResult]) -> Verdict:
    """The verdict over all checks."""
    verdicts = {result.verdict for result in results}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "pass"


_DEDUPE = "python -m grading dedupe --table prediction_accuracy"
_UNGRADED = "python -m grading ungraded --start {start} --end {end}"
_STATUS = "python -m grading status --last 20"

CHECKS: Sequence[Check] = (
    Check(
        number=1,
        name="duplicate_grades",
        query="duplicates",
        meaning=f"excess rows in the grading table, on dates older than {RECENT_DAYS} days: old damage",
        warn=0,
        fail=0,
        next_command=_DEDUPE,
    ),
    Check(
        number=2,
        name="duplicate_source_keys",
        query="source_keys",
        meaning="predictions that are there more than once; grading counts one, and revised ones are none",
        warn=0,
        fail=0,
        next_command="python -m grading dedupe --table player_prop_predictions --start {start} --end {end}",
    ),
    Check(
        number=3,
        name="prediction_volume",
        query="predictions",
        meaning="how far the predictions a system and game date are from the 4 weeks before",
        warn=0.3,
        fail=0.5,
        unit="share",
        next_command=_UNGRADED,
    ),
    Check(
        number=4,
        name="grading_completeness",
        query="completeness",
        meaning="the share of gradable predictions that is graded",
        warn=1,
        fail=0.95,
        unit="share",
        less_is_worse=True,
        next_command=f"{_UNGRADED} --grade",
    ),
    Check(
        number=5,
        name="confidence_above_one",
        query="grades",
        meaning="grades whose confidence was not brought to the scale 0 to 1",
        warn=0,
        fail=0,
        next_command="python -m grading backfill --start {start} --end {end} --processor prediction_accuracy",
    ),
    Check(
        number=6,
        name="freshness",
        query="predictions",
        meaning="age of the newest predictions or box scores, whichever is older",
        warn=2,
        fail=3,
        unit="days",
        next_command=_STATUS,
    ),
    Check(
        number=7,
        name="system_coverage",
        query="predictions",
        meaning="systems that fell silent: predictions in the 4 weeks before, none now",
        warn=0,
        fail=0,
        next_command=_UNGRADED,
    ),
    Check(
        number=8,
        name="recent_duplicate_keys",
        query="duplicates",
        meaning=f"business keys with several rows in the last {RECENT_DAYS} days: some writer makes duplicates now",
        warn=0,
        fail=0,
        next_command=_DEDUPE,
    ),
    Check(
        number=9,
        name="placeholder_lines_graded",
        query="grades",
        meaning="grades against the placeholder line 20.0",
        warn=0,
        fail=0,
        next_command="python -m grading backfill --start {start} --end {end} --processor prediction_accuracy",
    ),
    Check(
        number=10,
        name="model_health",
        query="health",
        meaning="systems with a mean absolute error over 4.5 or a win rate under 52.4 %",
        warn=0,
        fail=0,
        next_command="python -m grading recompute --start {start} --end {end}",
    ),
    Check(
        number=11,
        name="late_box_scores",
        query="late",
        meaning="dates too old for the catch-up whose box scores have come or changed since they were graded",
        warn=0,
        fail=9,
        next_command="python -m grading catch-up --days 36",
    ),
    Check(
        number=12,
        name="rules_mixed",
        query="rules",
        meaning="further versions of the grading rules in one season: its figures are not comparable",
        warn=0,
        fail=99,
        next_command="python -m grading backfill --start {season_start} --end {end}",
    ),
)
