"""Two processes grade one date at once, beside a reader; and the same with the replaced system's writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grading.wiring import Application
from tests.faults.conftest import DAY, PLAYERS
from tests.faults.reader import Reader
from tests.faults.writers import grade_rounds, naive_rounds
from tests.length import LONG
from tests.processes import CONTEXT

ROUNDS = 20 if LONG else 6
NAIVE_ROUNDS = 20


def race(application: Application, target: Callable[..., None], rounds: int) -> tuple[Reader, list[Any]]:
    """Two processes, each writing the date once a round, all rounds begun together."""
    barrier = CONTEXT.Barrier(2)
    answers, processes = [], []
    for _ in range(2):
        mine, theirs = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=target, args=(application.settings, DAY, rounds, barrier, theirs))
        process.start()
        answers.append(mine)
        processes.append(process)
    with Reader(application.bigquery_client, application.settings, DAY) as reader:
        statuses = [status for answer in answers if answer.poll(100) for status in answer.recv()]
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    return reader, statuses


def test_two_writers_never_leave_a_duplicate_nor_an_empty_moment(graded: Application) -> None:
    """Each poll saw one whole run."""
    reader, statuses = race(graded, grade_rounds, ROUNDS)
    assert statuses == [("success", "")] * 2 * ROUNDS
    assert len(reader.seen) > ROUNDS
    assert (reader.empty, reader.doubled, reader.mixed) == (0, 0, 0)
    assert {rows for rows, _, _ in reader.seen} == {PLAYERS}


def test_the_replaced_writer_shows_both_faults(graded: Application) -> None:
    """The negative control: the same race, the same reader."""
    reader, _ = race(graded, naive_rounds, NAIVE_ROUNDS)
    assert reader.empty > 0
    assert reader.doubled > 0
