"""How long a date takes: the figures that docs/performance.md assumes."""

from __future__ import annotations

import re
import statistics
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date

from google.cloud import bigquery

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, not_provable
from conformance.assertions.concurrency import JOBS
from conformance.place import FIRST_TIMED_DAY, Place, day
from foundation.clock import Deadline
from grading.batch import Batch
from grading.locker import Locker
from grading.outcome import Status
from grading.run import Request, Run
from grading.writing.publish import Publisher
from grading.writing.rules import compute
from grading.writing.staging import QueriedRows
from grading.writing.validate import validate
from grading.writing.writer import Writer
from warehouse.bigquery import Warehouse

# docs/performance.md, "Ten years in one backfill".
ASSUMED_DATE_SECONDS = 10.0

_SECONDS = 150.0
_STEP = re.compile(r"-([a-z-]+)-\d+$")


@asserts(
    19,
    promise="A job takes about 1 s, grading a date about 10 s; ten dates at once stand in line for the publish only.",
    why="docs/performance.md plans a backfill of ten years, and the function's timeout, with these figures.",
    how="One date, then ten at once, are graded by the service's writer under scratch locks; each step is timed.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/quotas#query_jobs",
            "Limits, not durations: how long a small job takes is documented nowhere.",
        )
    ],
    calls=[*JOBS, "jobs.list", "tables.delete", "commit", "batchGet", "listen", "runQuery"],
    effort=Effort(statements=150, tables=290, seconds=90),
)
def time_of_a_date(place: Place) -> Observed:
    jobs: list[str] = []
    warehouse = Warehouse(place.client, observe=lambda job_id, _sql: _note(place, jobs, job_id))
    wall = _grade(place, warehouse, day(FIRST_TIMED_DAY))
    steps = _steps(place, jobs)
    # By the server's times of its jobs: how far away this machine is does not count.
    seconds = sum(took for step, took in steps.items() if ":" not in step)
    started = place.clock.monotonic()
    with ThreadPoolExecutor(place.pace.dates) as pool:
        each = list(
            pool.map(lambda when: _grade(place, warehouse, when), place.days(FIRST_TIMED_DAY + 1, place.pace.dates))
        )
    together = place.clock.monotonic() - started
    figures = {
        "date_s": round(seconds, 2), "date_with_calls_s": round(wall, 2), "steps_s": steps,
        "dates_at_once": len(each), "all_of_them_s": round(together, 2), "slowest_s": round(max(each), 2),
    }  # fmt: skip
    per_job = statistics.median(steps.values()) if steps else 0.0
    text = f"a date {wall:.1f} s, a job {per_job:.2f} s (median), {len(each)} dates at once {together:.1f} s"
    if why := place.lacks.get(Ability.LATENCY):
        return not_provable(f"{text}; {why}", **figures)
    if seconds > ASSUMED_DATE_SECONDS:
        return differs(f"{text}: docs/performance.md assumes {ASSUMED_DATE_SECONDS:g} s a date", **figures)
    return holds(text, **figures)


def _note(place: Place, jobs: list[str], job_id: str) -> None:
    jobs.append(job_id)
    place.bill.note(place.client, job_id)


def _grade(place: Place, warehouse: Warehouse, when: date) -> float:
    """Grade a date as the service does, under scratch locks. Seconds that it took."""
    started = place.clock.monotonic()
    deadline = place.within(_SECONDS)
    locker = Locker(lambda _type, _events: place.lock(), max_wait_seconds=60.0, write_reserve_seconds=30.0)
    run = Run.start(place.processor, Request(date=when), place.settings, warehouse, deadline)
    writer = Writer(Publisher(locker.publishing), place.settings.min_keys_ratio)
    with _held(locker, place, run.request, deadline):
        written = writer.write(run, QueriedRows(compute(Batch.of(run))), place.events)
        if written.status is not Status.SUCCESS:
            raise AssertionError(f"{when} ended as {written.status}")
        validate(run)
    return place.clock.monotonic() - started


def _held(locker: Locker, place: Place, request: Request, deadline: Deadline) -> AbstractContextManager[object]:
    return locker.hold(place.processor, request, deadline, place.events)


def _steps(place: Place, jobs: list[str]) -> dict[str, float]:
    """Seconds of each job of a date, and of each statement of its publish."""
    found: dict[str, float] = {}
    for job_id in jobs:
        step = match[1] if (match := _STEP.search(job_id)) else job_id
        job = place.job(job_id)
        found[step] = _seconds(job)
        if step == "publish":
            for child in place.children(job_id):
                found[f"publish: {child.statement_type}"] = _seconds(child)
    return found


def _seconds(job: bigquery.QueryJob) -> float:
    return round((job.ended - (job.created or job.started)).total_seconds(), 3) if job.ended else 0.0
