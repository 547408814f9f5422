"""How a BigQuery job ends: wait for it, stop it if time runs out, and turn its failure into an error of our own tree.

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
from warehouse.bigquery_errors import classify, definitely_refused, not_connected
from warehouse.requests import ONE_ATTEMPT, request

Job = bigquery.QueryJob | bigquery.LoadJob | bigquery.CopyJob

# A process that is told to stop has 10 s (see foundation.stop): these come after its deadline.
_CANCEL_REQUEST_SECONDS = 2.0
_CANCEL_SECONDS = 2.0
# An answer that came later than this is one that came too late.
_NO_TIME_SECONDS = 0.2
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

    Raises what `classify` makes of the job's own error; `DeadlineExceeded` if it was stopped in time; and
    `OutcomeUnknown` if its end is not known.
    """
    try:
        _wait(job, deadline.remaining)
        if failure := job.exception(timeout=0):  # type: ignore[no-untyped-call]
            raise failure
        rows = []
        if isinstance(job, bigquery.QueryJob) and job.statement_type not in _WITHOUT_ROWS:
            rows = request(lambda seconds: _rows(job, seconds), deadline.remaining)
        if job.created is None:
            request(lambda seconds: job.reload(retry=ONE_ATTEMPT, timeout=seconds), deadline.remaining)
    except concurrent.futures.TimeoutError as error:
        raise _stop(job) from error
    except Exception as error:
        if job.error_result:
            raise classify(error) from error
        if deadline.remaining() <= _NO_TIME_SECONDS and job.state != "DONE":
            raise _stop(job) from error
        # The job was accepted: whatever a later request is answered, that does not end it.
        raise OutcomeUnknown(f"job {job.job_id} was sent, and its end is unknown: {classify(error)}") from error
    return JobResult(job.job_id, _ms(job.created), rows, _ms(job.ended) if job.ended else None, _inserted(job))


def _inserted(job: Job) -> int | None:
    if not isinstance(job, bigquery.QueryJob) or job.statement_type != "INSERT":
        return None
    rows: int | None = job.num_dml_affected_rows
    return rows


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def sent(error: Exception, job_id: str, attempts: Sequence[Exception] = ()) -> Exception:
    """The error of sending a job, of which every attempt failed.

    Without an answer, the job may have been accepted: `OutcomeUnknown`. It surely was not, if each attempt failed to
    connect or was refused.

    Args:
        error: how the sending ended.
        job_id: the id that every attempt carried.
        attempts: how each attempt failed; the one error alone if there was one attempt.
    """
    if isinstance(error, GradingError):
        return error
    known, failures = classify(error), attempts or (error,)
    if all(map(not_connected, failures)):
        return WarehouseUnavailable(f"job {job_id} was not sent: BigQuery was not reached: {known}")
    if not isinstance(known, WarehouseUnavailable):
        return known
    if all(not_connected(failure) or definitely_refused(failure) for failure in failures):
        return known
    return OutcomeUnknown(f"job {job_id} was sent, and no answer came: {known}")


def _rows(job: bigquery.QueryJob, seconds: float) -> list[dict[str, Any]]:
    result = job.result(page_size=_PAGE_ROWS, retry=ONE_ATTEMPT, timeout=seconds, job_retry=None)
    return [dict(row.items()) for row in result]


def _stop(job: Job) -> Exception:
    """Cancel a job that has run out of time, and learn how it ended."""
    try:
        job.cancel(retry=ONE_ATTEMPT, timeout=_CANCEL_REQUEST_SECONDS)
        ends_at = time.monotonic() + _CANCEL_SECONDS
        _wait(job, lambda: ends_at - time.monotonic())
    except Exception as error:  # noqa: BLE001 - whatever it was, the caller must know whether the job may commit
        return OutcomeUnknown(f"job {job.job_id} ran out of time, and its end is unknown: {_named(error)}")
    if job.error_result:
        return DeadlineExceeded(f"job {job.job_id} was stopped at the deadline")
    return OutcomeUnknown(f"job {job.job_id} ended while it was being stopped")


def _named(error: Exception) -> str:
    return str(classify(error)) if str(error) else "it still runs"


def _wait(job: Job, remaining: Callable[[], float]) -> None:
    """Wait until the job has ended, however it did. Raises `concurrent.futures.TimeoutError` if no time remains."""
    pause = _FIRST_POLL_SECONDS
    while not request(lambda seconds: job.done(retry=ONE_ATTEMPT, timeout=seconds), remaining):
        if remaining() <= 0:
            raise concurrent.futures.TimeoutError
        time.sleep(pause)
        pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)
