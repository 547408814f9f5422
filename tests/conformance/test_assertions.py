"""Each assertion holds where the services behave as documented, and differs where they misbehave in its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.assertion import Assertion, Observed, Verdict
from conformance.assertions import ASSERTIONS
from conformance.place import Place
from conformance.runner import run_all
from tests.conformance.conftest import StandIns

MakePlace = Callable[..., tuple[Place, StandIns]]

BY_NUMBER = {assertion.number: assertion for assertion in ASSERTIONS}

# The way in which each assertion's service misbehaves; some in several.
MISBEHAVING = [
    (1, "never aborts"),
    (1, "tells a conflict otherwise"),
    (2, "snapshots are not isolated"),
    (3, "a stopped script is kept"),
    (3, "a stopped script is permanent"),
    (4, "an appended row is lost"),
    (5, "a DELETE reads bytes"),
    (6, "the clock is ahead"),
    (7, "guards are masked"),
    (8, "runs a job id again"),
    (9, "missing is a syntax error"),
    (9, "the closed dataset is open"),
    (10, "own jobs are hidden"),
    (11, "creation times go back"),
    (11, "creation times are off"),
    (11, "jobs are created after their start"),
    (12, "partitions are not pruned"),
    (12, "statements are refused"),
    (13, "snapshots never end"),
    (14, "a create overwrites"),
    (14, "a stale version writes"),
    (14, "a no-op changes the version"),
    (14, "another code"),
    (15, "listeners are silent"),
    (15, "idle calls fail"),
    (19, "jobs are slow"),
]
SHALLOW = [assertion for assertion in ASSERTIONS if not assertion.deep]


def _observe(assertion: Assertion, place: Place) -> Observed:
    return run_all([assertion], place)[0].observed


@pytest.mark.parametrize("number", sorted(assertion.number for assertion in SHALLOW))
def test_it_holds_on_services_that_behave_as_documented(make_place: MakePlace, number: int) -> None:
    place, _ = make_place("two at once") if number == 1 else make_place()
    observed = _observe(BY_NUMBER[number], place)
    assert observed.verdict is Verdict.HOLDS, observed


@pytest.mark.parametrize(("number", "fault"), MISBEHAVING)
def test_it_differs_on_services_that_misbehave(make_place: MakePlace, number: int, fault: str) -> None:
    place, _ = make_place(fault, "two at once") if number == 1 else make_place(fault)
    observed = _observe(BY_NUMBER[number], place)
    assert observed.verdict is Verdict.DIFFERS, observed
