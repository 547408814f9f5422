"""What a publish costs inside its transaction, and what its clock says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from google.cloud import bigquery

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, missed
from conformance.assertions.concurrency import JOBS
from conformance.place import Place, day
from conformance.scripts import Attempt
from warehouse.statements import literal

_SLACK = timedelta(seconds=1)


def _publish(place: Place, number: int) -> tuple[str, Attempt, Sequence[bigquery.QueryJob]]:
    """Publish over a date that has rows; the run's id, and the jobs of the script's statements."""
    place.published(day(number))
    run = place.run(day(number))
    attempt = Attempt(place, place.script(run, place.staged(run))).start().finish()
    if attempt.error:
        raise attempt.error
    return run.run_id, attempt, place.children(attempt.job_id)


def _seconds(job: bigquery.QueryJob) -> float | None:
    return round((job.ended - job.started).total_seconds(), 3) if job.started and job.ended else None


@asserts(
    5,
    promise="The DELETE of a whole date inside the transaction reads no bytes.",
    why="It is the reason why a date costs the same with and without replacing it.",
    how="A date that has rows is published again; the statistics of each child job are read.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/using-dml-with-partitioned-tables"
            "#using_dml_delete_to_delete_partitions",
            "If a qualifying DELETE covers all rows in a partition, BigQuery removes the partition without scanning "
            "bytes or consuming slots. Whether a statement qualifies may vary.",
        )
    ],
    calls=[*JOBS, "jobs.list"],
    effort=Effort(statements=16, tables=24, seconds=25),
    needs=[Ability.STATISTICS],
)
def delete_reads_no_bytes(place: Place) -> Observed:
    _, attempt, children = _publish(place, 5)
    table: list[dict[str, Any]] = [
        {"statement": job.statement_type, "bytes": job.total_bytes_processed, "seconds": _seconds(job)}
        for job in children
    ]
    deletes = [job for job in children if job.statement_type == "DELETE"]
    if not deletes:
        return missed(f"the server lists no DELETE among the children of {attempt.job_id}", statements=table)
    if any(job.total_bytes_processed for job in deletes):
        return differs(f"the DELETE processed {deletes[0].total_bytes_processed:,} bytes", statements=table)
    return holds(f"the DELETE processed 0 bytes; {len(children)} statements in all", statements=table)


@asserts(
    6,
    promise="committed_at in grading_runs is never later than the commit, and no earlier than the script.",
    why="catch-up and the daily check compare it with what was written since: a later time would hide late rows.",
    how="committed_at of a publish is compared with the times of the script's job and of its COMMIT statement.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/transactions#datetime_functions_in_transactions",
            "Within a transaction, CURRENT_TIMESTAMP returns the timestamp when the transaction started.",
        )
    ],
    calls=[*JOBS, "jobs.list"],
    effort=Effort(statements=17, tables=25, seconds=25),
    needs=[Ability.STATISTICS],
)
def current_timestamp_beside_the_commit(place: Place) -> Observed:
    run_id, attempt, children = _publish(place, 6)
    found = place.ask("committed_at", run=place.run(day(6)), run_id=literal(run_id))
    committed_at = found["committed_at"]
    ends = [job.ended for job in children if job.statement_type == "COMMIT_TRANSACTION"]
    if not ends or ends[0] is None:
        return missed(f"the server lists no COMMIT among the children of {attempt.job_id}")
    created = attempt.job().created
    before_commit = (ends[0] - committed_at).total_seconds()
    figures = {"before_commit_s": round(before_commit, 3), "after_start_s": (committed_at - created).total_seconds()}
    if committed_at > ends[0] + _SLACK:
        return differs(f"committed_at is {-before_commit:.3f} s after the COMMIT had ended", **figures)
    if committed_at < created - _SLACK:
        return differs("committed_at is before the script was created", **figures)
    return holds(f"committed_at is {before_commit:.3f} s before the COMMIT's end", **figures)
