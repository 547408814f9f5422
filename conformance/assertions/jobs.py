"""Job ids, whose jobs they are, and when they were created."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from google.api_core import exceptions as api
from google.cloud import bigquery

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, missed
from conformance.assertions.concurrency import JOBS
from conformance.place import SQL, Place
from conformance.scripts import ONCE, raw, send
from foundation.errors import GradingError
from warehouse.job_end import finish
from warehouse.statements import Sql, table

_CALL_SECONDS = 20.0
_CREATIONS = 20
_CLOCK_SECONDS = 60.0
_SCRIPT = Sql("BEGIN SELECT 1; SELECT 2; END;")


@asserts(
    8,
    promise="A job id that was used is refused with 409; the service attaches to that job, which ran once.",
    why="An answer that got lost is found again by its id. Were the job run again, an INSERT would be there twice.",
    how="The same INSERT is sent twice under one job id, through the service's own warehouse. The rows are counted.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/running-jobs#generate-jobid",
            "A job id of the client's own makes a retry safe: a job that was started is not started twice.",
        ),
        Source(
            "https://docs.cloud.google.com/bigquery/docs/error-messages",
            "409, reason duplicate: the job, dataset or table exists already.",
        ),
    ],
    calls=JOBS,
    effort=Effort(statements=6, tables=6, seconds=8),
    needs=[Ability.JOB_IDS],
)
def one_job_id_twice(place: Place) -> Observed:
    jobs = place.jobs("once")
    once = {"once": table(place.settings.staging(f"once_{uuid.uuid4().hex}"))}
    jobs.ask("create", SQL.fill("create_once", **once))
    insert = SQL.fill("insert_once", **once)
    job_id = f"{jobs.prefix}-insert-{jobs.number()}"
    first = place.warehouse.run(insert, job_id=job_id, deadline=jobs.deadline)
    answer: dict[str, Any] = {}
    try:
        place.client.query(insert.text, job_id=job_id, job_retry=None, retry=ONCE, timeout=_CALL_SECONDS)
    except api.GoogleAPICallError as error:
        answer = raw(error)
    again = place.warehouse.run(insert, job_id=job_id, deadline=jobs.deadline)
    rows = jobs.ask("count", SQL.fill("count_once", **once)).first["row_count"]
    figures = {"answer": answer, "rows": rows}
    if rows != 1:
        return differs(f"the INSERT was carried out {rows} times", **figures)
    if answer.get("code") != 409:
        return differs(f"the second request was not refused with 409: {answer or 'it was accepted'}", **figures)
    if again.created_ms != first.created_ms:
        return differs("the service did not attach to the first job", **figures)
    return holds(f"409 {answer['reason']}; attached to the first job, which ran once", **figures)


@asserts(
    10,
    promise="The deployed account may look up, cancel and read its own jobs with roles/bigquery.jobUser alone.",
    why="An answer that got lost is looked up, and a publish is cancelled at the deadline: without these rights its "
    "outcome stays unknown.",
    how="The account AS sends a script, gets the job, reads its result, and cancels another one.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/managing-jobs#required_permissions",
            "jobs.create is enough to get and cancel jobs that one has created oneself.",
        )
    ],
    calls=[*JOBS, "jobs.cancel"],
    effort=Effort(statements=4, tables=0, seconds=10),
    needs=[Ability.PERMISSIONS],
)
def own_jobs_with_the_deployed_roles(place: Place) -> Observed:
    if not place.impersonated:
        return missed("AS names no service account: your own rights prove nothing about the deployed ones")
    jobs = place.jobs("own")
    done: list[str] = []
    try:
        job = send(place, jobs, "own", "SELECT 1 AS one", bigquery.QueryJobConfig(use_query_cache=False))
        found = place.job(job.job_id)
        done.append("get")
        finish(found, jobs.deadline)
        done.append("read")
        endless = send(place, jobs, "own", SQL.fill("without_end").text, bigquery.QueryJobConfig())
        place.client.cancel_job(endless.job_id, timeout=_CALL_SECONDS)
        done.append("cancel")
    except (api.GoogleAPICallError, GradingError) as error:
        return differs(f"refused after {done or 'nothing'}: {error}", answer=raw(error), account="AS")
    return holds("get, read and cancel of own jobs were allowed", done=done)


@asserts(
    11,
    promise="Jobs that are sent one after another have growing creation times, never later than their start, and near "
    "the warehouse's clock.",
    why="The creation time of the staging job is the data token: the newest data wins only if it grows, and a token "
    "more than 60 s ahead is refused.",
    how="Twenty queries one after another: creation and start of each, and the clock that each reads.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics",
            "creationTime: when the job was created, in milliseconds since the epoch. startTime: when it went from "
            "PENDING to RUNNING or DONE.",
        )
    ],
    calls=JOBS,
    effort=Effort(statements=20, tables=0, seconds=25),
)
def creation_times(place: Place) -> Observed:
    jobs, created, drift = place.jobs("clock"), [], []
    clock = SQL.fill("server_clock")
    for _ in range(_CREATIONS):
        asked = jobs.ask("clock", clock)
        created.append(asked.created_ms)
        drift.append(asked.first["now"].timestamp() - asked.created_ms / 1000)
        job = place.job(asked.job_id)
        if job.started and job.created and job.created > job.started:
            return differs(f"job {asked.job_id} was created {job.created} and started {job.started}")
    steps = [later - earlier for earlier, later in itertools.pairwise(created)]
    figures = {"jobs": _CREATIONS, "smallest_step_ms": min(steps), "largest_drift_s": round(max(map(abs, drift)), 3)}
    if min(steps) <= 0:
        return differs(f"a later job was created {-min(steps)} ms before an earlier one", **figures)
    if max(map(abs, drift)) > _CLOCK_SECONDS:
        return differs(f"creation times are {max(map(abs, drift)):.1f} s off the warehouse's clock", **figures)
    return holds(f"{_CREATIONS} jobs, growing by {min(steps)} ms at least", **figures)
