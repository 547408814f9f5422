"""The runbook covers what can page, and every command that the documents name exists with its options."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from grading.cli import commands as command_line
from grading.outcome import Status

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
POLICIES = sorted((ROOT / "monitoring/alert_policies").glob("*.json"))

# What a placeholder of the documents stands for.
VALUES = {"DATE": "2026-01-17", "TYPE": "grading", "BACKUP": "backup_name", "N": "3"}


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert found, f"the runbook has no section {title!r}"
    return found[1]


@pytest.mark.parametrize(
    "title",
    [
        *(path.stem for path in POLICIES),
        *Status,
        "Deduplication gone wrong",
        "The function fails after a deploy",
        "Locks fail consistently",
    ],
)
def test_the_runbook_says_what_it_means_where_to_look_what_to_do_and_how_to_undo_it(title: str) -> None:
    text = section(title)
    for part in ("- **Meaning:**", "- **Look:**", "- **Do:**", "- **Undo:**"):
        assert part in text, f"{title}: {part}"


def test_the_runbook_names_every_alert_that_the_service_sends() -> None:
    checks = set()
    for path in (ROOT / "alerts").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "check":
                if isinstance(node.value, ast.Constant):
                    checks.add(str(node.value.value))
                elif isinstance(node.value, ast.JoinedStr) and isinstance(node.value.values[0], ast.Constant):
                    checks.add(f"{node.value.values[0].value}…")
    assert len(checks) > 10
    assert {check for check in checks if f"`{check}`" not in RUNBOOK and f"### {check}\n" not in RUNBOOK} == set()


def test_every_link_within_the_runbook_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= anchors


def texts() -> Iterator[tuple[str, str]]:
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy.sh", *sorted(ROOT.glob("README.md"))]:
        yield path.name, path.read_text()
    for path in POLICIES:
        yield path.name, json.loads(path.read_text())["documentation"]["content"]


def named_commands() -> list[tuple[str, str]]:
    """Each `python -m grading …` of the documents, with where it stands."""
    found = set()
    for name, text in texts():
        for line in re.sub(r"(`[^`\n]*)\n *([^`\n]*`)", r"\1 \2", text).splitlines():
            for command in re.findall(r"python -m grading\b ?([^`#|;&'\"\n<>…]*)", line):
                found.add((name, re.split(r"   |, |\.? *$| \(|\)|…", command)[0].strip(" .,:")))
    return sorted((name, command) for name, command in found if command)


@pytest.mark.parametrize(("where", "text"), named_commands(), ids=lambda value: str(value))
def test_every_command_that_is_named_exists_with_its_options(where: str, text: str) -> None:
    """Parsed by the command line itself; nothing is run."""
    words = [VALUES.get(word, word) for word in shlex.split(text)]
    command: click.Command = command_line
    with click.Context(command_line) as context:
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            chosen = command.get_command(context, words[0])
            if chosen is None:
                assert command is not command_line, f"{where}: there is no command {words[0]}"
                break
            command, words = chosen, words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word.startswith("--") and word != "--help":
            assert word.partition("=")[0] in options, f"{where}: {command.name} has no option {word}"


def test_a_command_that_does_not_exist_would_be_caught() -> None:
    with pytest.raises(AssertionError, match="there is no command gradee"):
        test_every_command_that_is_named_exists_with_its_options("here", "gradee --date DATE")
    with pytest.raises(AssertionError, match="no option --dat"):
        test_every_command_that_is_named_exists_with_its_options("here", "grade --dat DATE")
