"""The storm in its short form: every kind of fault once. `make faults` is the long one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localdev.sdk import FIRESTORE_LAUNCHER, launcher
from tests.faults.storm.plan import FAULTS, ON_LOCKS, plan_round
from tests.faults.storm.storm import Storm

SEED = 17
ROUNDS = 9
IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


def replay(rounds: int) -> str:
    return f"To replay: make faults ROUNDS={rounds} SEED={SEED}"


def test_a_seed_replays_its_rounds() -> None:
    """Tasks and faults are drawn from the seed and the round's number alone."""
    assert [plan_round(SEED, n) for n in range(1, 30)] == [plan_round(SEED, n) for n in range(1, 30)]
    assert plan_round(SEED, 1) != plan_round(SEED + 1, 1)


@pytest.mark.timeout(600)
def test_no_fault_makes_a_duplicate_a_hole_or_a_step_back(tmp_path: Path) -> None:
    """Locks in the Firestore emulator if it is installed, in SQLite otherwise."""
    with Storm(tmp_path, SEED, firestore=True if IN_CI and launcher(FIRESTORE_LAUNCHER) else None) as storm:
        report = storm.run(ROUNDS)
        expected = set(storm.faults)
    assert not report.violations, "\n".join([*report.violations, replay(ROUNDS)])
    assert report.totals["published"] > ROUNDS
    # A process may have ended its task before its fault came; the others do happen.
    unmet = {kind for kind in expected if not report.injected[kind]}
    assert len(unmet) <= len(expected) // 4, f"hardly a storm: without {', '.join(sorted(unmet))}"
    assert expected == set(FAULTS) - (set() if launcher(FIRESTORE_LAUNCHER) else set(ON_LOCKS))


@pytest.mark.timeout(600)
def test_the_replaced_system_violates_in_the_first_rounds(tmp_path: Path) -> None:
    """The negative control: the same storm, the same checker."""
    with Storm(tmp_path, SEED, naive=True, firestore=False) as storm:
        report = storm.run(20, until_violated=True)
    assert report.first_violation is not None
