"""How a BigQuery job ends: waited for, stopped where time runs out, and its failure told in errors of our own tree.

What a caller must know of a job that did not answer is whether it may still commit. `OutcomeUnknown` says that it
may; any other error says that it has not, and will not.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import DeadlineExceeded, GradingError, OutcomeUnknown, WarehouseUnavailable
from warehouse.bigquery_errors import classify

Job = bigquery.QueryJob | bigquery.LoadJob | bigquery.CopyJob

REQUEST_SECONDS = 20.0
RETRY = bigquery.DEFAULT_RETRY.with_timeout(REQUEST_SECONDS)

# A process that is told to stop has 10 s (see foundation.stop): these come after its deadline.
_CANCEL_REQUEST_SECONDS = 2.0
_CANCEL_SECONDS = 2.0
# Waiting is asking again, not one call that hangs: so the wait ends where the deadline is brought forward.
_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.05, 0.5
# Asked for a page's size, the client fetches the first rows with the call that learns of the end, not with one more.
_PAGE_ROWS = 10_000
# Of these the end is all there is to learn: no call asks for rows.
_WITHOUT_ROWS = ("SCRIPT", "CREATE_TABLE_AS_SELECT")


@dataclass(frozen=True, slots=True)
class JobResult:
    """A finished job: its rows as plain dicts (a script has none); in the server's milliseconds when it was created and
    when it ended (None if the server did not say); and how many rows an INSERT has put in (None for other jobs)."""

    job_id: str
    created_ms: int
    rows: Sequence[Mapping[str, Any]]
    ended_ms: int | None = None
    inserted: int | None = None

    @property
    def first(self) -> Mapping[str, Any]:
        return self.rows[0]


def finish(job: Job, deadline: Deadline) -> JobResult:
    """Wait for a job that was sent, and read its rows.

    Raises what `classify` makes of the job's own error; `DeadlineExceeded` where it was stopped in time; and
    `OutcomeUnknown` where its end could not be learnt.
    """
    try:
        _wait(job, deadline.remaining)
        if failure := job.exception(timeout=0):  # type: ignore[no-untyped-call]
            raise failure
        rows = []
        if isinstance(job, bigquery.QueryJob) and job.statement_type not in _WITHOUT_ROWS:
            result = job.result(page_size=_PAGE_ROWS, retry=RETRY, timeout=max(0.1, deadline.remaining()))
            rows = [dict(row.items()) for row in result]
        if job.created is None:
            job.reload(retry=RETRY, timeout=REQUEST_SECONDS)
    except concurrent.futures.TimeoutError as error:
        raise _stop(job) from error
    except Exception as error:
        raise (classify(error) if job.error_result else sent(error, job.job_id)) from error
    return JobResult(job.job_id, _ms(job.created), rows, _ms(job.ended) if job.ended else None, _inserted(job))


def _inserted(job: Job) -> int | None:
    if not isinstance(job, bigquery.QueryJob) or job.statement_type != "INSERT":
        return None
    rows: int | None = job.num_dml_affected_rows
    return rows


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def sent(error: Exception, job_id: str) -> Exception:
    """The error of a job that was sent: without an answer, it may have been accepted."""
    if isinstance(error, GradingError):
        return error
    known = classify(error)
    if isinstance(known, WarehouseUnavailable):
        return OutcomeUnknown(f"job {job_id} was sent, and no answer came: {known}")
    return known


def _stop(job: Job) -> Exception:
    """Cancel a job that has run out of time, and learn how it ended."""
    try:
        job.cancel(retry=None, timeout=_CANCEL_REQUEST_SECONDS)
        ends_at = time.monotonic() + _CANCEL_SECONDS
        _wait(job, lambda: ends_at - time.monotonic())
        job.result(retry=None, timeout=_CANCEL_REQUEST_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever it was, the caller must know whether the job may commit
        if job.error_result:
            return DeadlineExceeded(f"job {job.job_id} was stopped at the deadline")
        return OutcomeUnknown(f"job {job.job_id} ran out of time, and its end is unknown: {classify(error)}")
    return OutcomeUnknown(f"job {job.job_id} ended while it was being stopped")


def _wait(job: Job, remaining: Callable[[], float]) -> None:
    """Until the job has ended, however it did. Raises `concurrent.futures.TimeoutError` where no time remains."""
    pause = _FIRST_POLL_SECONDS
    while not job.done(retry=RETRY, timeout=REQUEST_SECONDS):
        if remaining() <= 0:
            raise concurrent.futures.TimeoutError
        time.sleep(pause)
        pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)
