"""Processes that grade: what the tests of races and crashes start."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from foundation.clock import Deadline
from grading.dates.backfill import Backfill, BackfillResult, plan_backfill
from grading.dates.batches import Batches, BatchSize, graded
from grading.dates.survey import Work
from grading.processors import GRADING
from grading.pubsub.message import date
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from localdev.naive import delete_then_load
from tests.fakes import RecordingSink, Silent
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult


def grade_rounds(settings: Settings, day: date, rounds: int, barrier: Barrier, answers: Connection) -> None:
    """Grade the date once a round, all processes of the barrier at once; send the outcomes' statuses."""
    application = Application(settings, sinks=())
    statuses = []
    for _ in range(rounds):
        barrier.wait(timeout=60)
        outcome = application.service.run(GRADING, Request(date=day), Deadline.after(60, application.clock))
        statuses.append((outcome.status.value, outcome.detail))
    answers.send(statuses)


def naive_rounds(settings: Settings, day: date, rounds: int, barrier: Barrier, answers: Connection) -> None:
    """The same with the replaced system's writer."""
    client = Application(settings, sinks=()).bigquery_client
    target = settings.target(GRADING.name)
    rows = [{"player_lookup": f"player{n:04}", "game_id": "g", "game_date": day, "system_id": "s"} for n in range(50)]
    for _ in range(rounds):
        barrier.wait(timeout=60)
        delete_then_load(client, target, day, rows)
    answers.send([("success", "")] * rounds)


class Deadly(Warehouse):
    """A warehouse whose process dies by SIGKILL at a step: before its job is sent, while it runs, or after."""

    def __init__(self, client: Any, step: str, moment: str) -> None:
        super().__init__(client)
        self._step, self._moment = step, moment

    def run(self, sql: Any, *, job_id: str, deadline: Deadline) -> JobResult:
        here = f"-{self._step}-" in job_id
        if here and self._moment == "before":
            die()
        if here and self._moment == "during":
            threading.Timer(0.03, die).start()
        result = super().run(sql, job_id=job_id, deadline=deadline)
        if here:
            die()
        return result

    def drop(self, path: Any, *, deadline: Deadline | None = None) -> None:
        if self._step == "drop":
            die()
        super().drop(path, deadline=deadline)


def die() -> None:
    """As the kernel does it: no handler runs, nothing is released."""
    os.kill(os.getpid(), signal.SIGKILL)


def grade_and_die(settings: Settings, day: date, step: str, moment: str) -> None:
    """Grade the date in a process that is killed at a step of the write."""
    application = Application(settings, sinks=())
    application.__dict__["warehouse"] = Deadly(application.bigquery_client, step, moment)
    application.service.run(GRADING, Request(date=day), Deadline.after(60, application.clock))


def backfill_and_die(settings: Settings, first: date, last: date, step: str, moment: str) -> None:
    """Backfill dates as one batch in a process that is killed at a step of the write."""
    application = Application(settings, sinks=())
    application.__dict__["warehouse"] = Deadly(application.bigquery_client, step, moment)
    backfill(application, first, last)


def backfill(application: Application, first: date, last: date, *, resume: bool = False) -> BackfillResult:
    """Grade a range of dates as `python -m grading backfill --processor prediction_accuracy` does."""
    deadline = Deadline.after(120, application.clock)
    plan = plan_backfill(application.service, first, last, [GRADING], deadline, resume=resume)
    return Backfill(service=application.service, plan=plan, concurrency=1, progress=Silent()).run()


def grade_in_order(settings: Settings, days: Sequence[date], together: int, answers: Connection) -> None:
    """Grade dates in the order given, so many in a batch; send the statuses and the longest time a lock was held."""
    sink = RecordingSink()
    application = Application(settings, sinks=(sink,))
    batches = Batches(
        run_all=graded(
            application.service,
            lambda work: Request(date=work.date, trigger_source="backfill", one_of_many=True),
        ),
        clock=application.clock,
        events=application.events,
        deadline=lambda: Deadline.after(120, application.clock),
        size=BatchSize(dates=together),
    )
    ended = batches.run([Work(processor=GRADING, date=day) for day in days])
    statuses = [outcome.status.value if outcome else "not begun" for outcome in ended.values()]
    held = [event.fields["held_ms"] for event in sink.named("lock_released") if event.fields["lock_type"] == "grading"]
    answers.send((statuses, max(held, default=0)))


def grade_and_freeze(settings: Settings, day: date, step: str, answers: Connection) -> None:
    """Grade the date in a process that stops itself (SIGSTOP) right before a step's job is sent, once."""
    frozen = threading.Event()

    def observe(job_id: str, _sql: str) -> None:
        if f"-{step}-" in job_id and not frozen.is_set():
            frozen.set()
            os.kill(os.getpid(), signal.SIGSTOP)

    application = Application(settings, sinks=(), observe=observe)
    outcome = application.service.run(GRADING, Request(date=day), Deadline.after(60, application.clock))
    answers.send((outcome.run_id, outcome.status.value, outcome.transient, outcome.detail))
