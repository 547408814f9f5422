"""BigQuery as the service uses it: named jobs, bounded waits, errors of our own tree.

Every job carries an id of ours, so that an answer that got lost is found again: BigQuery answers 409 to a
second job of the same id (https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid), which here
means "my own earlier attempt", and the caller is attached to it. A job id is used for one job only.
"""

from __future__ import annotations

import concurrent.futures
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from google.api_core import exceptions as api
from google.cloud import bigquery

from grading.bigquery_errors import classify
from grading.clock import Deadline
from grading.errors import (
    DeadlineExceeded,
    GradingError,
    NotInitialised,
    OutcomeUnknown,
    StatementRefused,
    WarehouseUnavailable,
)
from grading.statements import Sql, TablePath

if TYPE_CHECKING:
    from google.cloud.bigquery.job import CopyJob, LoadJob, QueryJob

    Job = QueryJob | LoadJob | CopyJob

_REQUEST_SECONDS = 20.0
# A process that is told to stop has 10 s (see grading.stop): these come after its deadline.
_CANCEL_REQUEST_SECONDS = 2.0
_CANCEL_SECONDS = 2.0
# Waiting is asking again, not one call that hangs: so the wait ends where the deadline is brought forward.
_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.05, 0.5
# Asked for a page's size, the client fetches the first rows with the call that learns of the end, not with one more.
_PAGE_ROWS = 10_000
# Of these the end is all there is to learn: no call asks for rows.
_WITHOUT_ROWS = ("SCRIPT", "CREATE_TABLE_AS_SELECT")
_RETRY = bigquery.DEFAULT_RETRY.with_timeout(_REQUEST_SECONDS)


@dataclass(frozen=True, slots=True)
class JobResult:
    """A finished job: its rows as plain dicts (a script has none), and the server's creation time in milliseconds."""

    job_id: str
    created_ms: int
    rows: Sequence[Mapping[str, Any]]

    @property
    def first(self) -> Mapping[str, Any]:
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table as the server describes it: `kind` is a type name such as NUMERIC."""

    name: str
    kind: str
    required: bool

    def as_field(self) -> bigquery.SchemaField:
        """The column as the client describes it."""
        return bigquery.SchemaField(self.name, self.kind, mode="REQUIRED" if self.required else "NULLABLE")


JobObserver = Callable[[str, str], None]


class Warehouse:
    """Runs jobs and looks after tables.

    `observe(job_id, sql)` is called before each job is sent; tests and benchmarks count with it.
    """

    def __init__(self, client: bigquery.Client, *, observe: JobObserver = lambda _job_id, _sql: None) -> None:
        self._client = client
        self._observe = observe

    def run(self, sql: Sql, *, job_id: str, deadline: Deadline) -> JobResult:
        """Run a statement or script to its end.

        Raises `DeadlineExceeded` before sending where no time is left; `PublishConflict`, `GuardRaised`,
        `StatementRefused`, `NotInitialised` where BigQuery answered so: nothing was kept; and
        `OutcomeUnknown` where the job was sent but its end could not be learnt, even after cancelling.
        """
        seconds = self._seconds_left(deadline)
        self._observe(job_id, sql.text)
        config = bigquery.QueryJobConfig(use_legacy_sql=False, use_query_cache=False)
        config.job_timeout_ms = int(seconds * 1000)
        try:
            job = self._client.query(
                sql.text, job_config=config, job_id=job_id, job_retry=None, retry=_RETRY, timeout=_REQUEST_SECONDS
            )
        except api.Conflict:
            return self._finish(self._attach(job_id), deadline)
        except Exception as error:
            raise self._sent(error, job_id) from error
        return self._finish(job, deadline)

    def load(
        self,
        rows: Sequence[Mapping[str, Any]],
        target: TablePath,
        columns: Sequence[Column],
        *,
        job_id: str,
        deadline: Deadline,
    ) -> JobResult:
        """Load JSON rows into a new table with exactly these columns. Raises as `run` does."""
        self._seconds_left(deadline)
        self._observe(job_id, f"LOAD {target}")
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=[column.as_field() for column in columns],
            write_disposition=bigquery.WriteDisposition.WRITE_EMPTY,
        )
        body = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
        try:
            # Without a size the client uploads resumably, which BigQuery and its emulators both accept.
            job = self._client.load_table_from_file(
                body, str(target), job_id=job_id, job_config=config, timeout=_REQUEST_SECONDS
            )
        except api.Conflict:
            return self._finish(self._attach(job_id), deadline)
        except Exception as error:
            raise self._sent(error, job_id) from error
        return self._finish(job, deadline)

    def bytes_scanned(self, sql: Sql) -> int:
        """The bytes that a query would scan, by a dry run: nothing runs, nothing is billed. Not a job."""
        config = bigquery.QueryJobConfig(dry_run=True, use_legacy_sql=False, use_query_cache=False)
        try:
            job = self._client.query(
                sql.text, job_config=config, job_retry=None, retry=_RETRY, timeout=_REQUEST_SECONDS
            )
        except Exception as error:
            raise classify(error) from error
        return int(job.total_bytes_processed or 0)

    def copy(
        self,
        source: TablePath,
        target: TablePath,
        operation: Literal["SNAPSHOT", "RESTORE"],
        *,
        job_id: str,
        deadline: Deadline,
        expires: datetime | None = None,
    ) -> JobResult:
        """Make a snapshot of a table, or a table of a snapshot; the target must be new. Raises as `run` does."""
        self._seconds_left(deadline)
        self._observe(job_id, f"COPY {operation} {source} {target}")
        config = bigquery.CopyJobConfig(
            operation_type=operation, write_disposition=bigquery.WriteDisposition.WRITE_EMPTY
        )
        if expires:
            config.destination_expiration_time = expires.isoformat()
        try:
            job = self._client.copy_table(
                str(source), str(target), job_id=job_id, job_config=config, retry=_RETRY, timeout=_REQUEST_SECONDS
            )
        except api.Conflict:
            return self._finish(self._attach(job_id), deadline)
        except Exception as error:
            raise self._sent(error, job_id) from error
        return self._finish(job, deadline)

    def columns(self, path: TablePath) -> list[Column]:
        """The table's columns, or `NotInitialised` where there is no such table. Not a job."""
        try:
            table = self._client.get_table(str(path), retry=_RETRY, timeout=_REQUEST_SECONDS)
        except Exception as error:
            raise classify(error) from error
        return [Column(f.name, f.field_type, f.mode == "REQUIRED") for f in table.schema]

    def exists(self, path: TablePath) -> bool:
        """Whether the table is there. Not a job."""
        try:
            self.columns(path)
        except NotInitialised:
            return False
        return True

    def drop(self, path: TablePath) -> None:
        """Delete a table, if it is there. Not a job."""
        try:
            self._client.delete_table(str(path), not_found_ok=True, retry=_RETRY, timeout=_REQUEST_SECONDS)
        except Exception as error:
            raise classify(error) from error

    def ensure_dataset(
        self, project: str, name: str, location: str, *, expire_tables_seconds: int | None = None
    ) -> None:
        """Create a dataset where it is missing; an existing one is left as it is."""
        dataset = bigquery.Dataset(f"{project}.{name}")
        dataset.location = location
        if expire_tables_seconds is not None:
            dataset.default_table_expiration_ms = expire_tables_seconds * 1000
        try:
            self._client.create_dataset(dataset, exists_ok=True, retry=_RETRY, timeout=_REQUEST_SECONDS)
        except Exception as error:
            raise classify(error) from error

    def _attach(self, job_id: str) -> Job:
        try:
            job = self._client.get_job(job_id, retry=_RETRY, timeout=_REQUEST_SECONDS)
        except Exception as error:
            raise OutcomeUnknown(f"job {job_id} exists, but cannot be read: {error}") from error
        if not isinstance(job, bigquery.QueryJob | bigquery.LoadJob | bigquery.CopyJob):
            raise StatementRefused(f"job {job_id} exists, and is not ours")
        return job

    def _finish(self, job: Job, deadline: Deadline) -> JobResult:
        try:
            _wait(job, deadline.remaining)
            if failure := job.exception(timeout=0):  # type: ignore[no-untyped-call]
                raise failure
            rows = []
            if isinstance(job, bigquery.QueryJob) and job.statement_type not in _WITHOUT_ROWS:
                result = job.result(page_size=_PAGE_ROWS, retry=_RETRY, timeout=max(0.1, deadline.remaining()))
                rows = [dict(row.items()) for row in result]
            if job.created is None:
                job.reload(retry=_RETRY, timeout=_REQUEST_SECONDS)
        except concurrent.futures.TimeoutError as error:
            raise self._stop(job) from error
        except Exception as error:
            raise (classify(error) if job.error_result else self._sent(error, job.job_id)) from error
        return JobResult(job.job_id, round(job.created.timestamp() * 1000), rows)

    @staticmethod
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

    @staticmethod
    def _sent(error: Exception, job_id: str) -> Exception:
        if isinstance(error, GradingError):
            return error
        known = classify(error)
        if isinstance(known, WarehouseUnavailable):
            return OutcomeUnknown(f"job {job_id} was sent, and no answer came: {known}")
        return known

    @staticmethod
    def _seconds_left(deadline: Deadline) -> float:
        if (seconds := deadline.remaining()) < 1.0:
            why = "the process was told to stop" if deadline.stopping else "no time is left to start another job"
            raise DeadlineExceeded(why)
        return seconds


def _wait(job: Job, remaining: Callable[[], float]) -> None:
    """Until the job has ended, however it did. Raises `concurrent.futures.TimeoutError` where no time remains."""
    pause = _FIRST_POLL_SECONDS
    while not job.done(retry=_RETRY, timeout=_REQUEST_SECONDS):
        if remaining() <= 0:
            raise concurrent.futures.TimeoutError
        time.sleep(pause)
        pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)
