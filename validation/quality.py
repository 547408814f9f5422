"""Runs the daily checks: one question for each query, whatever the number of checks that read its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from validation.checks import CHECKS, Check, CheckResult

Ask = Callable[[str], Mapping[str, object]]
"""Answers a query of `validation/sql`, `check_{name}.sql`, with its one row."""


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

    @property
    def season_start(self) -> date:
        """The 1 October that is not after the last date."""
        return date(self.end.year if self.end.month >= 10 else self.end.year - 1, 10, 1)


def run_checks(ask: Ask, window: Window, checks: Sequence[Check] = CHECKS) -> list[CheckResult]:
    """Every check, in order. Raises what `ask` raises: a check that cannot run is no check."""
    answers = {query: ask(query) for query in dict.fromkeys(check.query for check in checks)}
    return [_result(check, answers[check.query], window) for check in checks]


def _result(check: Check, answer: Mapping[str, object], window: Window) -> CheckResult:
    figure = answer[check.name]
    samples = answer[f"{check.name}_samples"]
    return CheckResult(
        check=check,
        figure=None if figure is None else float(str(figure)),
        samples=str(samples).split("; ") if samples else (),
        next_command=check.next_command.format(start=window.start, end=window.end, season_start=window.season_start),
    )
