"""deploy.sh failed at each of its commands, and run again: it completes.

What a failed command leaves is the state before it or the state after it. Both are recorded in a run that succeeds, so
a run that fails at command number N has to stop there, and a run that starts from each recorded state has to come to
the same end. If the script goes on after a failure, it is run for both cases, and from what these leave.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from tests.deploy.cloud import Cloud, Run
from tests.deploy.projects import Project, final, fresh, with_old_system
from tests.length import LONG

# A test takes every so-many-th command: the work can be shared between processes. The short form takes three commands
# of each course, and the long one every command.
SHARES = 8 if LONG else 1
_FEW = 3

# Seconds on a free machine; the limit is for a busy one.
pytestmark = pytest.mark.timeout(900)


@dataclass
class Course:
    """A command line on a project: its run that succeeds, and what runs from its states ended in."""

    google: Cloud
    project: Project
    arguments: tuple[str, ...]
    good: Run = field(init=False)
    twice: Run = field(init=False)
    ends: dict[str, Project] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.good = self.google.deploy(self.project, *self.arguments, record=True)
        assert self.good.code == 0, self.good.printed
        self.twice = self.google.deploy(self.good.project, *self.arguments)

    def before(self, number: int) -> str:
        """The state before a command; after the last one, the end."""
        calls = self.good.calls
        return str(calls[number]["before"]) if number < len(calls) else json.dumps(self.good.project)

    def left_by(self, number: int) -> list[str]:
        """The states that a failure of this command leaves."""
        call = self.good.calls[number]
        run = self.google.deploy(self.project, *self.arguments, fail=number)
        assert len(run.calls) > number, run.printed
        assert run.calls[number]["words"][:4] == call["words"][:4]
        if run.code != 0 and len(run.calls) == number + 1:
            return [self.before(number), self.before(number + 1)]
        left = [json.dumps(run.project)]
        if call["changed"]:
            left.append(json.dumps(self.google.deploy(self.project, *self.arguments, fail=number, after=True).project))
        return left

    def completes(self, state: str) -> bool:
        """Whether the same command line, run on this state, comes to the end of the run that was not interrupted.

        A run that was interrupted after its work was done counts as done: the next one is a second run.
        """
        if state not in self.ends:
            run = self.google.deploy(json.loads(state), *self.arguments)
            assert run.code == 0, run.printed
            self.ends[state] = final(run.project)
        done = state == self.before(len(self.good.calls))
        return self.ends[state] == final(self.good.project) or (done and self.ends[state] == final(self.twice.project))


def interrupt(course: Course, share: int, numbers: list[int] | None = None) -> None:
    every = range(len(course.good.calls)) if numbers is None else numbers
    chosen = every[share::SHARES] if LONG else every[:: max(1, -(-len(every) // _FEW))]
    for number in chosen:
        for state in course.left_by(number):
            assert course.completes(state), (number, course.good.calls[number]["words"])


@pytest.fixture(scope="module")
def over_old(google: Cloud) -> Course:
    return Course(google, with_old_system(), ())


@pytest.mark.parametrize("share", range(SHARES))
def test_a_deployment_over_an_old_system(over_old: Course, share: int) -> None:
    interrupt(over_old, share)


def kinds(course: Course) -> list[str]:
    """Each command of the run that succeeds, without what its words are about."""
    return [" ".join(word for word in call["words"][:6] if not word.startswith("--")) for call in course.good.calls]


@pytest.fixture(scope="module")
def new(google: Cloud) -> Course:
    return Course(google, fresh(), ())


@pytest.mark.parametrize("share", range(SHARES))
def test_a_deployment_to_a_fresh_project(new: Course, over_old: Course, share: int) -> None:
    """At the commands that the deployment over an old system has not, or that do something else here."""
    seen = set(kinds(over_old))
    interrupt(
        new,
        share,
        [n for n, kind in enumerate(kinds(new)) if kind not in seen or "functions" in kind or "run services" in kind],
    )


@pytest.fixture(scope="module")
def rolled_back(google: Cloud, over_old: Course) -> Course:
    return Course(google, over_old.twice.project, ("rollback", "phase5b-grading-00003-old"))


@pytest.mark.parametrize("share", range(SHARES))
def test_a_rollback_to_the_old_system(rolled_back: Course, share: int) -> None:
    interrupt(rolled_back, share)


@pytest.fixture(scope="module")
def destroyed(google: Cloud, over_old: Course) -> Course:
    return Course(google, over_old.twice.project, ("destroy", "--yes"))


@pytest.mark.parametrize("share", range(SHARES))
def test_a_destruction_beside_an_old_system(destroyed: Course, share: int) -> None:
    interrupt(destroyed, share)
