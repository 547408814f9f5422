"""SIGKILL at each step of a batch: every date holds its old rows or its new ones, and `--resume` does what is left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from grading.outcome import Status
from grading.processors import GRADING
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from tests.faults.writers import backfill, backfill_and_die
from tests.integration.conftest import rows_of
from tests.integration.slate import load_day
from tests.processes import CONTEXT

DAYS = [date(2024, 1, 15) + timedelta(days=number) for number in range(4)]
PLAYERS = 10
# The step, when in it, and how many of the dates are left then.
STEPS = [
    ("stage", "before", 4),
    ("stage", "after", 4),
    ("measure", "after", 4),
    ("publish", "before", 4),
    ("publish", "during", None),
    ("publish", "after", 0),
    ("drop", "before", 0),
    ("validate", "after", 0),
]


@pytest.fixture
def graded(input_tables: Settings) -> Iterator[Application]:
    """Four dates that were graded once."""
    application = Application(input_tables, sinks=())
    create_tables(input_tables, application.jobs("init", 60))
    for day in DAYS:
        load_day(application.bigquery_client, input_tables, day, PLAYERS)
    assert not backfill(application, DAYS[0], DAYS[-1]).failed
    yield application
    application.bigquery_client.close()


def _runs(application: Application) -> dict[date, tuple[int, set[str]]]:
    """The rows of each date, and the runs that they are of."""
    target = application.settings.target(GRADING.name)
    sql = f"SELECT game_date, run_id, COUNT(*) AS n FROM `{target}` WHERE game_date >= DATE '2000-01-01' GROUP BY 1, 2"
    found: dict[date, tuple[int, set[str]]] = {}
    for row in rows_of(application.bigquery_client, sql):
        count, runs = found.get(row["game_date"], (0, set()))  # type: ignore[call-overload]
        found[row["game_date"]] = (count + row["n"], {*runs, row["run_id"]})  # type: ignore[index]
    return found


@pytest.mark.parametrize(("step", "moment", "left"), STEPS, ids=lambda value: str(value))
def test_killed_at_a_step_every_date_is_whole_and_resume_does_what_is_left(
    graded: Application, step: str, moment: str, left: int | None
) -> None:
    before = _runs(graded)
    process = CONTEXT.Process(target=backfill_and_die, args=(graded.settings, DAYS[0], DAYS[-1], step, moment))
    process.start()
    process.join(90)
    assert process.exitcode == -signal.SIGKILL
    after = _runs(graded)
    assert {day: (count, len(runs)) for day, (count, runs) in after.items()} == dict.fromkeys(DAYS, (PLAYERS, 1))
    new = [day for day in DAYS if after[day] != before[day]]
    assert len(new) in (0, len(DAYS)) if left is None else len(new) == len(DAYS) - left
    # The dead process's locks end with their leases; here nobody waits for that.
    for lock_type in ("grading", "publish"):
        lock = graded.lock(lock_type)
        for dead in lock.list_locks():
            assert lock.force_release(dead.lock_key, if_version=dead.version)
    resumed = backfill(graded, DAYS[0], DAYS[-1], resume=True)
    done = 0 if new else len(DAYS)
    # Killed before anything was recorded, the latest backfill is the one before it: that one has nothing left.
    assert len(resumed.outcomes) in ({done} if new else {0, done})
    assert {outcome.status for outcome in resumed.outcomes} <= {Status.SUCCESS}
