"""SIGKILL at each step of the write: the date holds the old rows or the new ones, and a rerun completes."""

from __future__ import annotations

import signal

import pytest

from foundation.clock import Deadline
from grading.outcome import Status
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import Application
from tests.faults.conftest import DAY, PLAYERS
from tests.faults.writers import grade_and_die
from tests.processes import CONTEXT

STEPS = [
    ("stage", "before"),
    ("stage", "during"),
    ("stage", "after"),
    ("measure", "after"),
    ("publish", "before"),
    ("publish", "during"),
    ("publish", "after"),
    ("drop", "before"),
    ("validate", "after"),
]


@pytest.mark.parametrize(("step", "moment"), STEPS, ids=lambda value: value)
def test_killed_at_a_step_the_date_is_whole_and_a_rerun_completes(graded: Application, step: str, moment: str) -> None:
    """All of one run's rows, whichever run that is. The dead process's lock does not keep the rerun from writing."""
    process = CONTEXT.Process(target=grade_and_die, args=(graded.settings, DAY, step, moment))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    target = graded.settings.target(GRADING.name)
    [left] = graded.bigquery_client.query_and_wait(
        f"SELECT COUNT(*) AS n, COUNT(DISTINCT player_lookup) AS k, COUNT(DISTINCT run_id) AS r "
        f"FROM `{target}` WHERE game_date = DATE '{DAY}'",
        api_timeout=30,
    )
    assert (left["n"], left["k"], left["r"]) == (PLAYERS, PLAYERS, 1)
    # The dead process's locks end with their leases; here nobody waits for that.
    assert graded.lock("grading").list_locks()
    for lock_type in ("grading", "publish"):
        lock = graded.lock(lock_type)
        for dead in lock.list_locks():
            assert lock.force_release(dead.lock_key, if_version=dead.version)
    outcome = graded.service.run(GRADING, Request(date=DAY), Deadline.after(60, graded.clock))
    assert outcome.status is Status.SUCCESS
    assert outcome.duplicates is not None
    assert (outcome.duplicates.total_rows, outcome.duplicates.clean) == (PLAYERS, True)
