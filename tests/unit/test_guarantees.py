"""docs/guarantees.md, the ledger: no promise is missing, and no promise of safety rests on inference alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.assertions import ASSERTIONS

ROOT = Path(__file__).parents[2]
OUTCOMES = (ROOT / "docs" / "outcomes.md").read_text()
README = (ROOT / "README.md").read_text()
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text()
KNOWN_BY = {"Google's emulator", "local warehouse", "Google's analyzer", "documentation", "inference"}

_REAL = re.compile(r"real service \(\d{4}-\d\d-\d\d\)")
_ROW = re.compile(r"^\| (.+) \| (yes|no) \| ([\d, ]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A row of the ledger."""

    promise: str
    safety: bool
    assertions: tuple[int, ...]
    known_by: tuple[str, ...]
    tests: tuple[str, ...]


def ledger(text: str) -> list[Entry]:
    return [
        Entry(
            promise=plain(row[1]),
            safety=row[2] == "yes",
            assertions=tuple(int(number) for number in row[3].split(",")),
            known_by=tuple(part.strip() for part in row[4].split(",")),
            tests=tuple(re.findall(r"`([^`]+)`", row[5])),
        )
        for row in _ROW.finditer(text)
    ]


def plain(text: str) -> str:
    """Without Markdown's marks, links reduced to their words."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*`]", "", text).split())


LEDGER = ledger((ROOT / "docs" / "guarantees.md").read_text())


def section(text: str, start: str, end: str) -> str:
    found = text.split(start, 1)
    assert len(found) == 2, f"there is no {start!r}: the promises have moved, name their new place here"
    return found[1].split(end, 1)[0]


def sentences(text: str) -> Iterator[str]:
    """The sentences of paragraphs and list items, without list marks and the bold word in front."""
    for block in re.split(r"\n\n|\n(?=- |\d+\. )", text):
        block = re.sub(r"^(- |\d+\. )?(\*\*[A-Z]\w+\.\*\* )?", "", block.strip())
        yield from (plain(part) for part in re.split(r"(?<=[.:])\s+(?=[A-Z])", block) if part.strip())


def promises() -> Iterator[str]:
    """Every promise, in the words in which it is made."""
    yield next(sentences(section(README, "# Grading service\n", "\n\nThe usual way")))
    yield from sentences(section(README, "tells someone:\n", "## Try it"))
    yield from sentences("`target_date` is" + section(README, "`target_date` is", "###"))
    yield "Each of these " + plain(section(README, "Each of these", "\n\n"))
    for row in re.findall(r"^\| (`.+`) \| (.+) \|$", OUTCOMES, re.MULTILINE):
        yield plain(f"{row[0]}: {row[1]}")
    yield from sentences(section(README, "## How it is safe\n", "What is *not* promised"))
    yield from sentences(section(RELIABILITY, "## The promise\n", " [architecture.md]"))


@pytest.mark.parametrize("promise", [*promises()])
def test_no_promise_is_missing(promise: str) -> None:
    """A promise that is new or says something else needs a row: how is it known?"""
    known = {entry.promise for entry in LEDGER}
    assert any(promise.replace(" : ", ": ") in entry for entry in known), f"docs/guarantees.md lacks: {promise}"


def test_there_are_promises() -> None:
    assert len(list(promises())) > 25


def test_every_row_says_how_it_is_known() -> None:
    for entry in LEDGER:
        assert all(known in KNOWN_BY or _REAL.fullmatch(known) for known in entry.known_by), entry


def unsafe(entries: list[Entry]) -> list[str]:
    """Promises of safety that nothing but inference supports."""
    return [entry.promise for entry in entries if entry.safety and set(entry.known_by) <= {"inference"}]


def test_no_promise_of_safety_rests_on_inference_alone() -> None:
    assert unsafe(LEDGER) == []


def test_a_promise_of_safety_by_inference_alone_is_found() -> None:
    text = "| It is safe. | yes | 1 | inference | – |\n| It is fast. | no | 19 | inference | – |\n"
    assert unsafe(ledger(text)) == ["It is safe."]


def test_every_assertion_stands_behind_a_promise_and_exists() -> None:
    numbers = {assertion.number for assertion in ASSERTIONS}
    assert {number for entry in LEDGER for number in entry.assertions} == numbers


def test_every_test_that_is_named_exists() -> None:
    assert [path for entry in LEDGER for path in entry.tests if not (ROOT / path).exists()] == []


def test_no_row_speaks_of_what_nobody_promises() -> None:
    """But for the last table, which is about other pages."""
    elsewhere = (ROOT / "docs" / "guarantees.md").read_text().split("## Elsewhere")[1]
    made = {promise.replace(" : ", ": ") for promise in promises()}
    others = {entry.promise for entry in ledger(elsewhere)}
    assert [entry.promise for entry in LEDGER if entry.promise not in others and entry.promise not in made] == []


def test_the_readme_links_it() -> None:
    assert "docs/guarantees.md" in README
