"""BigQuery as the service uses it: named jobs, bounded waits, errors of our own tree.

Every job carries an id of ours, so that an answer that got lost is found again: BigQuery answers 409 to a
second job of the same id (https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid), which here
means "my own earlier attempt", and the caller is attached to it. A job id is used for one job only.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from google.api_core import exceptions as api
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import DeadlineExceeded, NotInitialised, OutcomeUnknown, StatementRefused
from warehouse.bigquery_errors import classify
from warehouse.columns import Column, Table
from warehouse.job_end import Job, JobResult, finish, sent
from warehouse.requests import ONE_ATTEMPT, REQUEST_SECONDS, RETRY, UNREACHED_SECONDS, T, request
from warehouse.statements import Sql, TablePath

# A person waits for it.
_LOOK_SECONDS = 10.0
_DEFAULT_TIME_TRAVEL_HOURS = 168

JobObserver = Callable[[str, str], None]

# A dry run does its work within the call that asks for it.
_DRY_RUN_SECONDS = 60.0


class Warehouse:
    """Runs jobs and looks after tables.

    `observe(job_id, sql)` is called before each job is sent; tests and benchmarks count with it.
    """

    def __init__(self, client: bigquery.Client, *, observe: JobObserver = lambda _job_id, _sql: None) -> None:
        self._client = client
        self._observe = observe
        self._described: dict[TablePath, Table | None] = {}

    def run(self, sql: Sql, *, job_id: str, deadline: Deadline) -> JobResult:
        """Run a statement or script to its end.

        Raises `DeadlineExceeded` before sending if no time is left; `PublishConflict`, `GuardRaised`,
        `StatementRefused`, `NotInitialised` if BigQuery answered so: nothing was kept; and
        `OutcomeUnknown` if the job was sent but its end could not be learnt, even after cancelling.
        """
        seconds = self._seconds_left(deadline)
        config = bigquery.QueryJobConfig(use_legacy_sql=False, use_query_cache=False)
        config.job_timeout_ms = int(seconds * 1000)

        def send(seconds: float) -> Job:
            # The client's annotation knows one number; the HTTP library takes a pair: to connect, and to be answered.
            timeout: Any = (min(seconds, UNREACHED_SECONDS), seconds)
            return self._client.query(
                sql.text, job_config=config, job_id=job_id, job_retry=None, retry=ONE_ATTEMPT, timeout=timeout
            )

        return self._to_its_end(send, sql.text, job_id, deadline)

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
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=[column.as_field() for column in columns],
            write_disposition=bigquery.WriteDisposition.WRITE_EMPTY,
        )
        body = "\n".join(json.dumps(row) for row in rows).encode()

        def send(seconds: float) -> Job:
            # Without a size the client uploads resumably, which BigQuery and its emulators both accept.
            return self._client.load_table_from_file(
                io.BytesIO(body), str(target), job_id=job_id, job_config=config, timeout=seconds, num_retries=0
            )

        return self._to_its_end(send, f"LOAD {target}", job_id, deadline)

    def bytes_scanned(self, sql: Sql, *, deadline: Deadline | None = None) -> int:
        """The bytes that a query would scan, by a dry run: nothing runs, nothing is billed. Not a job."""
        config = bigquery.QueryJobConfig(dry_run=True, use_legacy_sql=False, use_query_cache=False)
        job = self._answered(
            lambda seconds: self._client.query(
                sql.text, job_config=config, job_retry=None, retry=ONE_ATTEMPT, timeout=seconds
            ),
            deadline,
        )
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
        config = bigquery.CopyJobConfig(
            operation_type=operation, write_disposition=bigquery.WriteDisposition.WRITE_EMPTY
        )
        if expires:
            config.destination_expiration_time = expires.isoformat()

        def send(seconds: float) -> Job:
            return self._client.copy_table(
                str(source), str(target), job_id=job_id, job_config=config, retry=ONE_ATTEMPT, timeout=seconds
            )

        return self._to_its_end(send, f"COPY {operation} {source} {target}", job_id, deadline)

    def describe(self, path: TablePath, *, deadline: Deadline | None = None) -> Table:
        """The table as the server describes it, or `NotInitialised` if there is none. Not a job.

        Like each method here that is no job, it takes at most 20 s, and no longer than until the deadline if it is
        given one.
        """
        table = self._answered(
            lambda seconds: self._client.get_table(str(path), retry=ONE_ATTEMPT, timeout=seconds), deadline
        )
        partition = table.time_partitioning
        expires_after = partition.expiration_ms if partition else None
        described = Table(
            path=path,
            columns=tuple(Column.of(field) for field in table.schema),
            rows=int(table.num_rows or 0),
            bytes=int(table.num_bytes or 0),
            created_at=table.created or datetime.min.replace(tzinfo=UTC),
            modified_at=table.modified,
            partition=partition.field or "_PARTITIONTIME" if partition else None,
            partition_type=str(partition.type_ or "DAY") if partition else "",
            ranged_by=table.range_partitioning.field if table.range_partitioning else None,
            partitions_expire_after=timedelta(milliseconds=int(expires_after)) if expires_after else None,
            expires_at=table.expires,
        )
        self._described[path] = described
        return described

    def find(self, path: TablePath, *, deadline: Deadline | None = None) -> Table | None:
        """The table, or None if there is none. Not a job."""
        try:
            return self.describe(path, deadline=deadline)
        except NotInitialised:
            self._described[path] = None
            return None

    def described(self, path: TablePath, *, deadline: Deadline | None = None) -> Table | None:
        """The table as it was when this process last looked; None if there was none."""
        if path not in self._described:
            self.find(path, deadline=deadline)
        return self._described[path]

    def columns(self, path: TablePath, *, deadline: Deadline | None = None) -> list[Column]:
        """The table's columns, or `NotInitialised` if there is no such table. Not a job."""
        return list(self.describe(path, deadline=deadline).columns)

    def modified_ms(self, path: TablePath) -> int | None:
        """When the table was last written, in the server's milliseconds; None if there is no such table. Not a job."""
        try:
            table = self._client.get_table(str(path), retry=ONE_ATTEMPT, timeout=REQUEST_SECONDS)
        except api.NotFound:
            return None
        except Exception as error:
            raise classify(error) from error
        return int(table.modified.timestamp() * 1000)

    def time_travel_hours(self, path: TablePath) -> int:
        """How far back the dataset of a table keeps its rows; 7 days if it does not say. Not a job."""
        try:
            dataset = self._client.get_dataset(
                f"{path.project}.{path.dataset}", retry=ONE_ATTEMPT, timeout=REQUEST_SECONDS
            )
        except Exception as error:
            raise classify(error) from error
        return int(dataset.max_time_travel_hours or _DEFAULT_TIME_TRAVEL_HOURS)

    def ended_at(self, job_id: str) -> datetime | None:
        """When a job ended, by the server's clock; None if it is not known any more. Not a job."""
        try:
            job = self._client.get_job(job_id, retry=ONE_ATTEMPT, timeout=REQUEST_SECONDS)
        except api.NotFound:
            return None
        except Exception as error:
            raise classify(error) from error
        ended: datetime | None = job.ended
        return ended

    def location(self, path: TablePath) -> str:
        """Where the table lies, as `US`, asked once and without a repeat. Raises as `columns` does. Not a job."""
        try:
            table = self._client.get_table(str(path), retry=ONE_ATTEMPT, timeout=_LOOK_SECONDS)
        except Exception as error:
            raise classify(error) from error
        return str(table.location or "")

    def exists(self, path: TablePath, *, deadline: Deadline | None = None) -> bool:
        """Whether the table is there. Not a job."""
        return self.find(path, deadline=deadline) is not None

    def dataset_location(self, project: str, dataset: str) -> str | None:
        """Where a dataset is, such as `US` or `europe-west1`; None if there is no such dataset. Not a job."""
        try:
            found = self._client.get_dataset(f"{project}.{dataset}", retry=ONE_ATTEMPT, timeout=REQUEST_SECONDS)
        except api.NotFound:
            return None
        except Exception as error:
            raise classify(error) from error
        return str(found.location or "")

    def drop(self, path: TablePath, *, deadline: Deadline | None = None) -> None:
        """Delete a table, if it is there. Not a job."""
        self._answered(
            lambda seconds: self._client.delete_table(str(path), not_found_ok=True, retry=ONE_ATTEMPT, timeout=seconds),
            deadline,
        )

    def ensure_dataset(
        self, project: str, name: str, location: str, *, expire_tables_seconds: int | None = None
    ) -> None:
        """Create a dataset if it is missing; an existing one is left as it is."""
        dataset = bigquery.Dataset(f"{project}.{name}")
        dataset.location = location
        if expire_tables_seconds is not None:
            dataset.default_table_expiration_ms = expire_tables_seconds * 1000
        self._answered(
            lambda seconds: self._client.create_dataset(dataset, exists_ok=True, retry=ONE_ATTEMPT, timeout=seconds)
        )

    def _answered(self, call: Callable[[float], T], deadline: Deadline | None = None) -> T:
        """Make a request that is no job."""
        try:
            return request(call, deadline.remaining if deadline else lambda: REQUEST_SECONDS, retry=RETRY)
        except Exception as error:
            raise classify(error) from error

    def _to_its_end(self, send: Callable[[float], Job], what: str, job_id: str, deadline: Deadline) -> JobResult:
        self._observe(job_id, what)
        attempts: list[Exception] = []
        try:
            job = request(send, deadline.remaining, retry=RETRY, failures=attempts)
        except api.Conflict:
            job = self._attach(job_id, deadline)
        except Exception as error:
            raise sent(error, job_id, attempts) from error
        return finish(job, deadline)

    def _attach(self, job_id: str, deadline: Deadline) -> Job:
        try:
            job = request(
                lambda seconds: self._client.get_job(job_id, retry=ONE_ATTEMPT, timeout=seconds),
                deadline.remaining,
                retry=RETRY,
            )
        except Exception as error:
            raise OutcomeUnknown(f"job {job_id} exists, but cannot be read: {error}") from error
        if not isinstance(job, Job):
            raise StatementRefused(f"job {job_id} exists, and is not ours")
        return job

    @staticmethod
    def _seconds_left(deadline: Deadline) -> float:
        if (seconds := deadline.remaining()) < 1.0:
            why = "the process was told to stop" if deadline.stopping else "no time is left to start another job"
            raise DeadlineExceeded(why)
        return seconds
