"""Two backfills that go through the same dates from opposite ends, beside events for them: nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from foundation.clock import Deadline
from grading.processors import GRADING
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from tests.faults.writers import grade_in_order
from tests.integration.conftest import rows_of
from tests.integration.slate import box_scores, load, predictions
from tests.length import LONG
from tests.processes import CONTEXT

DATES, EVENTS = (12, 20) if LONG else (6, 6)
DAYS = [date(2024, 1, 15) + timedelta(days=number) for number in range(DATES)]
PLAYERS = 10


@pytest.fixture
def slates(input_tables: Settings) -> Iterator[Application]:
    application = Application(input_tables, sinks=())
    create_tables(input_tables, application.jobs("init", 60))
    load(
        application.bigquery_client,
        input_tables,
        [row for day in DAYS for row in predictions(day, PLAYERS)],
        [row for day in DAYS for row in box_scores(day, PLAYERS)],
    )
    yield application
    application.bigquery_client.close()


def test_opposite_directions_beside_events(slates: Application) -> None:
    """Every date is exact at the end, and an event waits no longer than the longest hold there was, and a second."""
    answers, processes = [], []
    for days in (DAYS, DAYS[::-1]):
        mine, theirs = CONTEXT.Pipe(duplex=False)
        processes.append(CONTEXT.Process(target=grade_in_order, args=(slates.settings, days, 4, theirs)))
        processes[-1].start()
        answers.append(mine)
    outcomes = []
    for number in range(EVENTS):
        request = Request(date=DAYS[number % DATES], trigger_source="event")
        outcomes.append(slates.service.run(GRADING, request, Deadline.after(120, slates.clock)))
    ended = [answer.recv() for answer in answers if answer.poll(120)]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert len(ended) == 2
    assert {status for statuses, _ in ended for status in statuses} <= {"success", "superseded"}
    assert {outcome.status.value for outcome in outcomes} == {"success"}
    longest = max(held for _, held in ended)
    assert max(outcome.lock_wait_ms for outcome in outcomes) <= longest + 1_000
    target = slates.settings.target(GRADING.name)
    sql = (
        f"SELECT game_date, COUNT(*) AS n, COUNT(DISTINCT player_lookup) AS k, COUNT(DISTINCT run_id) AS r "
        f"FROM `{target}` WHERE game_date >= DATE '2000-01-01' GROUP BY game_date ORDER BY game_date"
    )
    found = [(row["game_date"], row["n"], row["k"], row["r"]) for row in rows_of(slates.bigquery_client, sql)]
    assert found == [(day, PLAYERS, PLAYERS, 1) for day in DAYS]
