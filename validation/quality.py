"""Runs the daily checks: one question for each query, whatever the number of checks that read its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from foundation import commands, figures
from foundation.errors import GradingError, Transient
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


def run_checks(ask: Ask, window: Window, checks: Sequence[Check] = CHECKS) -> list[CheckResult]:
    """Every check, in order; one that cannot be run fails alone.

    Raises a `Transient` error of `ask` if no query got an answer: then there is nothing to say about the data.
    """
    answers = {query: _answer(ask, query) for query in dict.fromkeys(check.query for check in checks)}
    errors = [answer for answer in answers.values() if isinstance(answer, Transient)]
    if errors and len(errors) == len(answers):
        raise errors[0]
    return [_result(check, answers[check.query], window) for check in checks]


def _answer(ask: Ask, query: str) -> Mapping[str, object] | GradingError:
    try:
        return ask(query)
    except GradingError as error:
        return error


def _result(check: Check, answer: Mapping[str, object] | GradingError, window: Window) -> CheckResult:
    if isinstance(answer, GradingError):
        return CheckResult(check=check, error=answer, samples=[str(answer)], next_command=commands.INIT)
    figure = answer[check.name]
    samples = answer[f"{check.name}_samples"]
    return CheckResult(
        check=check,
        figure=None if figure is None else float(str(figure)),
        samples=[figures.trimmed(sample) for sample in str(samples).split("; ")] if samples else (),
        next_command=check.next_command.format(
            start=answer.get(f"{check.name}_start") or window.start, end=answer.get(f"{check.name}_end") or window.end
        ),
    )
