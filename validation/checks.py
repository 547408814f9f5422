"""The daily checks, as data: which figure each looks at, what is good enough, and what to type if it is not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from foundation import commands, figures
from foundation.errors import GradingError, InvalidSettings

Verdict = Literal["pass", "warn", "fail"]
Unit = Literal["count", "share", "dates"]

RECENT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    `query` names a file of `validation/sql`, `check_{query}.sql`, which answers one row: the figure in the column
    `name`, and examples as text in `{name}_samples`, parted by `; `. Checks share a file only if they read the same
    columns: a column that is missing fails no other check. The check warns and fails if the figure is above (or, with
    `less_is_worse`, below) these limits; a figure that is NULL passes, as there is nothing to judge. `next_command`
    may hold `{start}` and `{end}`: the dates in `{name}_start` and `{name}_end`, or else the window's.

    `named` says that each sample begins with the name of what was found, up to a colon: a new name is news. Without
    `ends`, what was found leaves the window as time passes, and no message says that it is over.
    """

    number: int
    name: str
    query: str
    meaning: str
    warn: float
    fail: float
    unit: Unit = "count"
    less_is_worse: bool = False
    named: bool = False
    ends: bool = True
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
                return figures.share(figure)
            case "dates":
                return figures.counted(round(figure), "date")
        return figures.number(figure)

    @property
    def threshold(self) -> str:
        """The limits in words."""
        side = "below" if self.less_is_worse else "above"
        if math.isinf(self.fail):
            return f"warns {side} {self.text(self.warn)}"
        if self.warn == self.fail:
            return f"fails {side} {self.text(self.fail)}"
        return f"warns {side} {self.text(self.warn)}, fails {side} {self.text(self.fail)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check ended. `error` says why it could not be run, which is a failure of its own."""

    check: Check
    figure: float | None = None
    samples: Sequence[str] = ()
    next_command: str
    error: GradingError | None = None

    @property
    def verdict(self) -> Verdict:
        return "fail" if self.error else self.check.judge(self.figure)

    @property
    def figure_text(self) -> str:
        return "could not be run" if self.error else self.check.text(self.figure)

    @property
    def names(self) -> list[str]:
        """What was found, by name, for a check whose samples have names."""
        return [sample.partition(": ")[0] for sample in self.samples] if self.check.named else []


def worst(results: Sequence[CheckResult]) -> Verdict:
    """The verdict over all checks."""
    verdicts = {result.verdict for result in results}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "pass"


def limits_of(text: str) -> Mapping[str, tuple[float, float]]:
    """The limits that a deployment chose, as `freshness=1:3,inactive_share=0.2:0.4`: name, warn, fail.

    Raises `InvalidSettings` for a check that does not exist, or limits that are no two numbers.
    """
    found = {}
    known = [check.name for check in CHECKS]
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, limits = (piece.strip() for piece in part.partition("="))
        try:
            warn, fail = map(float, limits.split(":"))
        except ValueError:
            raise InvalidSettings(f"CHECK_LIMITS: {part!r}: write NAME=WARN:FAIL, as freshness=1:3") from None
        if name not in known:
            raise InvalidSettings(f"CHECK_LIMITS: {name!r} is no check: use one of {', '.join(known)}")
        found[name] = (warn, fail)
    return found


def with_limits(text: str) -> list[Check]:
    """Every check, with the limits that a deployment chose. Raises what `limits_of` raises."""
    limits = limits_of(text)
    return [
        replace(check, warn=limits[check.name][0], fail=limits[check.name][1]) if check.name in limits else check
        for check in CHECKS
    ]


_GRADES = "prediction_accuracy"
_DEDUPE = commands.dedupe(_GRADES)
_UNGRADED = commands.ungraded("{start}", "{end}")
_REGRADE = commands.backfill("{start}", "{end}", [_GRADES])
_BACKFILL = commands.backfill("{start}", "{end}")

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
        next_command=commands.dedupe("player_prop_predictions", "{start}", "{end}"),
    ),
    Check(
        number=3,
        name="prediction_volume",
        query="predictions",
        meaning="the share by which the predictions a system and game date differ from those of the 4 weeks before",
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
        query="confidence",
        meaning="grades whose confidence was not brought to the scale 0 to 1",
        warn=0,
        fail=0,
        next_command=_REGRADE,
    ),
    Check(
        number=6,
        name="freshness",
        query="freshness",
        meaning="dates of the season in a row, up to yesterday, without predictions or without box scores",
        warn=1,
        fail=3,
        unit="dates",
        next_command=f"{commands.STATUS} --last 20",
    ),
    Check(
        number=7,
        name="system_coverage",
        query="predictions",
        meaning="systems that fell silent; one that stays silent is left out after a window's length",
        warn=0,
        fail=0,
        named=True,
        ends=False,
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
        query="placeholders",
        meaning="grades against a placeholder line (PLACEHOLDER_LINES)",
        warn=0,
        fail=0,
        next_command=_REGRADE,
    ),
    Check(
        number=10,
        name="model_health",
        query="health",
        meaning="systems worse than the milestone, or than in their own 30 days before, by more than chance explains",
        warn=0,
        fail=0,
        named=True,
        next_command=commands.accuracy(last=30),
    ),
    Check(
        number=11,
        name="duplicate_box_scores",
        query="box_scores",
        meaning="players with several box scores of one game; grading counts one",
        warn=0,
        fail=20,
        next_command=_UNGRADED,
    ),
    Check(
        number=12,
        name="inactive_share",
        query="inactive",
        meaning="how much the share of inactive predictions of a date exceeds that of the 4 weeks before",
        warn=0.2,
        fail=0.5,
        unit="share",
        next_command=_UNGRADED,
    ),
    Check(
        number=13,
        name="game_ids_differ",
        query="game_ids",
        meaning="predicted games whose players have their box scores under another game id",
        warn=0,
        fail=float("inf"),
        next_command=_UNGRADED,
    ),
    Check(
        number=14,
        name="silent_games",
        query="silent_games",
        meaning="predicted games without any box score, though box scores of that date or a later one are in",
        warn=0,
        fail=float("inf"),
        named=True,
        ends=False,
        next_command=_UNGRADED,
    ),
    Check(
        number=15,
        name="late_box_scores",
        query="late_box_scores",
        meaning="dates whose box scores came or changed after catch-up's days: nothing grades them by itself",
        warn=0,
        fail=float("inf"),
        named=True,
        next_command=_BACKFILL,
    ),
    Check(
        number=16,
        name="mixed_rules",
        query="rules",
        meaning="dates of the season that were graded by other rules than the latest grade",
        warn=0,
        fail=float("inf"),
        named=True,
        next_command=_BACKFILL,
    ),
)
