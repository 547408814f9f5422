"""A holder that is frozen past its lease, while another takes over and publishes, and then thaws."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest

from foundation.clock import Deadline
from grading.outcome import Status
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import Application
from tests.faults.conftest import DAY, PLAYERS
from tests.faults.writers import grade_and_freeze

LEASE_SECONDS = 3.0


@pytest.mark.parametrize(
    ("step", "how"),
    [("measure", "it notices before it publishes"), ("publish", "its publish is refused by the fence")],
    ids=["before the last check", "after the last check"],
)
def test_the_thawed_holder_changes_nothing(graded: Application, step: str, how: str) -> None:
    """Frozen before or after its last `ensure_held()`: the successor's rows and the successor's lock stay."""
    settings = replace(graded.settings, lock_lease_seconds=LEASE_SECONDS)
    mine, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=grade_and_freeze, args=(settings, DAY, step, theirs))
    process.start()
    assert process.pid is not None
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), how

    successor = Application(settings, sinks=())
    with successor.lock("grading").acquire(DAY, "successor", 30) as lease:
        assert lease.taken_from
        deadline = Deadline.after(60, successor.clock)
        published = successor.service.run(GRADING, Request(date=DAY), deadline, use_lock=False)
        assert published.status is Status.SUCCESS
        os.kill(process.pid, signal.SIGCONT)
        assert mine.poll(60), how
        run_id, ended, transient, _ = mine.recv()
        process.join(20)
        lease.ensure_held()
        [held] = successor.lock("grading").list_locks()
        assert held.holder_id == lease.holder_id
    assert (ended, transient) == ("failed", True)
    target = successor.settings.target(GRADING.name)
    rows = list(
        successor.bigquery_client.query_and_wait(
            f"SELECT run_id, COUNT(*) AS n FROM `{target}` WHERE game_date = '{DAY}' GROUP BY run_id", api_timeout=30
        )
    )
    successor.bigquery_client.close()
    assert [(row["run_id"], row["n"]) for row in rows] == [(published.run_id, PLAYERS)]
    assert run_id != published.run_id
