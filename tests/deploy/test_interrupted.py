"""deploy.sh failed at each of its commands, and run again: it completes.

What a failed command leaves is the state before it or the state after it. Both are recorded in a run that succeeds, so
a run that fails at command number N has to stop there, and a run that starts from each recorded state has to come to
the same end. If the script goes on after a failure, it is run for both cases, and from what these leave.

`make test` fails every third command of each course, `make test-long` every one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from tests.deploy.cloud import Cloud, Run
from tests.deploy.projects import Project, final, fresh, with_old_system
from tests.length import LONG

# Each course is cut into so many parts of commands that follow each other: processes can share the work.
PARTS = 4

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
        self.good = self.google.deploy(self.project, *self.arguments, explore=True)
        assert self.good.code == 0, self.good.printed
        self.twice = self.google.deploy(self.good.project, *self.arguments)

    def before(self, number: int) -> str:
        """The state before a command; after the last one, the end."""
        calls = self.good.calls
        return str(calls[number]["before"]) if number < len(calls) else json.dumps(self.good.project)

    def left_by(self, number: int) -> list[str]:
        """The states that a failure of this command leaves."""
        call = self.good.calls[number]
        if self.good.branches.get(number, {}).get("ended_there"):
            return [self.before(number), self.before(number + 1)]
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


@pytest.fixture(scope="module")
def courses(google: Cloud) -> dict[str, Course]:
    """Those that were made already, by name."""
    return {}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    "name",
    ["a fresh project", "an old system", "an old system that is paused", "a second run", "a rollback", "a destruction"],
)
def test_it_completes(google: Cloud, courses: dict[str, Course], name: str, part: int) -> None:
    """From each starting state, and for each command line."""
    course = made(google, courses, name)
    count = len(course.good.calls)
    for number in range(count * part // PARTS, count * (part + 1) // PARTS, 1 if LONG else 3):
        for state in course.left_by(number):
            assert course.completes(state), (number, course.good.calls[number]["words"])


def made(google: Cloud, courses: dict[str, Course], name: str) -> Course:
    """The course of a name, made when it is first asked for."""
    if name not in courses:
        if name == "a fresh project":
            course = Course(google, fresh(), ())
        elif name == "an old system":
            course = Course(google, with_old_system(), ())
        elif name == "an old system that is paused":
            course = Course(google, with_old_system("PAUSED"), ())
        elif name == "a second run":
            course = Course(google, made(google, courses, "an old system").good.project, ())
        else:
            arguments = ("rollback", "phase5b-grading-00003-old") if name == "a rollback" else ("destroy", "--yes")
            course = Course(google, made(google, courses, "an old system").twice.project, arguments)
        courses[name] = course
    return courses[name]
