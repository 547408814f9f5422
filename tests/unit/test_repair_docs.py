"""docs/repair.md says what the code does: each check with its limits, each cause, each command and option."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from grading.cli import commands
from grading.maintenance.repair_result import Result
from grading.maintenance.ungraded import ADVICE
from validation.checks import CHECKS, Check

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "repair.md").read_text()
TYPED = sorted(set(re.findall(r"`?(python -m grading [a-z][^`\n|]*)", TEXT)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_is_listed_with_its_meaning_and_limits(check: Check) -> None:
    assert f"| {check.number} | `{check.name}` | {check.meaning} | {check.threshold} |" in TEXT


def test_the_number_of_checks_is_told() -> None:
    for text in (TEXT, (ROOT / "README.md").read_text()):
        assert re.findall(r"(\d+) daily checks", text) == [str(len(CHECKS))]


@pytest.mark.parametrize("cause", ADVICE)
def test_each_cause_is_listed(cause: str) -> None:
    assert f"`{cause}`" in TEXT


@pytest.mark.parametrize("result", Result)
def test_each_result_is_listed(result: Result) -> None:
    assert f"\n| {result} |" in TEXT


@pytest.mark.parametrize("typed", [*TYPED, *(check.next_command for check in CHECKS)])
def test_each_command_exists_with_its_options(typed: str) -> None:
    """Brackets mark what may be left out; capitals and braces are the reader's own values."""
    words = shlex.split(re.sub(r"[\[\]]", "", typed))[3:]
    command = commands.commands[words[0]]
    options = {name for option in command.params if isinstance(option, click.Option) for name in option.opts}
    assert {word for word in words if word.startswith("--")} <= options, typed
