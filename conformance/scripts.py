"""Scripts under control: sent on a thread, held open inside their transaction, or sent statement by statement."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from google.api_core import exceptions as api
from google.cloud import bigquery

from conformance.place import SQL, Place
from foundation.clock import Deadline
from foundation.errors import GradingError
from warehouse.bigquery import Warehouse
from warehouse.bigquery_errors import classify
from warehouse.job_end import finish
from warehouse.jobs import Jobs
from warehouse.statements import Sql

_CALL_SECONDS = 20.0
# What is refused is looked at: it is not tried again.
ONCE = bigquery.DEFAULT_RETRY.with_predicate(lambda _error: False)
_LAST_STATEMENTS = 2  # INSERT of the rows, COMMIT


class Attempt:
    """One script, sent by the service's own query session on a thread of its own.

    `error` is what the service made of its failure, `job_id` the job's id.
    """

    def __init__(self, place: Place, script: Sql, *, seconds: float = 60.0) -> None:
        self.error: GradingError | None = None
        self.job_id = ""
        self._place = place
        warehouse = Warehouse(place.client, observe=self._note)
        self._jobs = Jobs.of(warehouse, "conformance-publish", place.within(seconds))
        self._script = script
        self._thread = threading.Thread(target=self._send, name="conformance-script", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def finish(self) -> Self:
        """Wait until it has ended, however it did."""
        self._thread.join()
        return self

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def job(self) -> bigquery.QueryJob:
        """The job as the server describes it."""
        return self._place.job(self.job_id)

    def _note(self, job_id: str, _sql: str) -> None:
        self.job_id = job_id
        self._place.bill.note(self._place.client, job_id)

    def _send(self) -> None:
        try:
            self._jobs.ask("publish", self._script)
        except GradingError as error:
            self.error = error


class Session:
    """A BigQuery session: a transaction that spans jobs, so that something else can come in between.

    https://cloud.google.com/bigquery/docs/sessions-write-queries
    """

    def __init__(self, place: Place, deadline: Deadline) -> None:
        self._place = place
        self._jobs = Jobs.of(place.warehouse, "conformance-session", deadline)
        self._id = ""

    def ask(self, statement: str) -> None:
        """Run one statement to its end. Raises what the service makes of a failure."""
        config = bigquery.QueryJobConfig(use_query_cache=False)
        if self._id:
            config.connection_properties = [bigquery.ConnectionProperty("session_id", self._id)]
        else:
            config.create_session = True
        job = send(self._place, self._jobs, "session", statement, config)
        finish(job, self._jobs.deadline)
        if not self._id and job.session_info is not None:
            self._id = job.session_info.session_id or ""

    def close(self) -> None:
        """End the session; a transaction that is open is rolled back."""
        with suppress(GradingError):  # it ends by itself
            self.ask("CALL BQ.ABORT_SESSION()")


@contextmanager
def session(place: Place, deadline: Deadline) -> Iterator[Session]:
    """A session that is ended, whatever happens in it."""
    opened = Session(place, deadline)
    try:
        yield opened
    finally:
        opened.close()


def send(place: Place, jobs: Jobs, step: str, text: str, config: bigquery.QueryJobConfig) -> bigquery.QueryJob:
    """Send a job and do not wait. Raises what the service makes of a refusal."""
    job_id = f"{jobs.prefix}-{step}-{jobs.number()}"
    place.bill.note(place.client, job_id)
    try:
        return place.client.query(
            text, job_config=config, job_id=job_id, job_retry=None, retry=ONCE, timeout=_CALL_SECONDS
        )
    except Exception as error:
        raise classify(error) from error


def statements(script: Sql) -> list[str]:
    """The statements of a script of ours, in which a semicolon at the end of a line ends a statement."""
    return [part.strip() for part in f"{script.text}\n".split(";\n") if part.strip()]


def held_open(script: Sql) -> Sql:
    """The script with a loop that never ends between its DELETE and its INSERT."""
    parts = statements(script)
    parts.insert(len(parts) - _LAST_STATEMENTS, SQL.fill("without_end").text.rstrip(";"))
    return Sql(";\n".join(parts) + ";")


def raw(error: BaseException | None) -> dict[str, Any]:
    """Code, reason and text of the server's answer behind an error of ours."""
    cause = error
    while cause is not None and not isinstance(cause, api.GoogleAPICallError):
        cause = cause.__cause__
    if cause is None:
        return {"text": str(error)}
    reason = cause.errors[0].get("reason", "") if cause.errors and isinstance(cause.errors[0], dict) else ""
    return {"code": int(cause.code or 0), "reason": reason, "text": str(cause.message).partition("\n")[0][:300]}
