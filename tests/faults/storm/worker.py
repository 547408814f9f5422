"""A long-lived process that grades, backfills and repairs, and tells over a pipe how each task ended."""

from __future__ import annotations

import base64
import math
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, Literal

import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError

from foundation.clock import Deadline, SystemClock
from foundation.errors import LockStoreUnavailable, ResourcesExceeded, Transient
from foundation.events import Event, EventLog
from foundation.stop import stop_on_sigterm
from grading.batch import Batch
from grading.processors import GRADING
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.rules import Computed
from grading.writing.staging import ComputedRows, Staged
from localdev.environment import isolated
from locking import LockTimings
from locking.sqlite_store import SQLiteLockStore
from locking.store import DocumentStore
from tests.faults.storm.naive import naive_write
from tests.faults.storm.plan import Task
from tests.faults.storm.rows import COLUMNS, DAYS, select_rows
from tests.processes import CONTEXT
from warehouse.jobs import Jobs

TIMINGS = LockTimings(
    lease_seconds=2.4,
    renew_every_seconds=0.8,
    rpc_timeout_seconds=0.7,
    outage_seconds=2.0,
    safety_poll_seconds=0.5,
)
"""The lock's timings scaled down, as in the lock's own fault tests."""

Ending = Literal["done", "again", "crashed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task as it is sent to a process: when its event was published, what else is wrong just then."""

    task: Task
    published_at: datetime
    naive: bool = False
    secret_refused: bool = False
    token_refused: bool = False
    locks_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How one attempt at a task ended. `again`: raised to be redelivered. `crashed`: an error of no known kind."""

    ending: Ending
    statuses: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    repeats: int = 0
    detail: str = ""
    met: Mapping[str, int] = field(default_factory=dict)


@dataclass
class _Sink:
    """Keeps what a task's events tell."""

    statuses: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    repeats: int = 0

    def record(self, event: Event) -> None:
        self.names[event.name] += 1
        if event.name == "run_finished" and event.fields.get("processor") == GRADING.name:
            self.statuses.append(str(event.fields["status"]))
            self.repeats += bool(event.fields.get("repeat"))
        # Reported in Slack now or before, or if Slack cannot be reached, in the log.
        if event.name in ("alert_sent", "alert_failed", "alert_suppressed"):
            self.alerts.append(str(event.fields["check"]))

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


class _SkewedClock(SystemClock):
    """A wall clock that is wrong by some seconds."""

    skew_seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.skew_seconds)


class _Secrets:
    """Secret Manager's client, in so far as it is used: answers with the webhook, or refuses."""

    refused = False

    def __init__(self, url: str) -> None:
        self._url = url

    def access_secret_version(self, **_: Any) -> Any:
        from google.api_core.exceptions import PermissionDenied
        from google.cloud.secretmanager_v1 import AccessSecretVersionResponse

        if self.refused:
            raise PermissionDenied("Permission 'secretmanager.versions.access' denied")  # type: ignore[no-untyped-call]
        return AccessSecretVersionResponse(payload={"data": self._url.encode()})


class _Credentials(AnonymousCredentials):
    """Gives no access token for the next requests, as if the metadata server had a hiccup."""

    refusals = 0

    def before_request(self, *_: Any) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            raise RefreshError("Failed to retrieve a token from the metadata server")


class _Locks:
    """The lock store; or, while it is refused, one in a directory that is not there."""

    refused = False

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if self.refused:
            SQLiteLockStore("/nonexistent/locks.sqlite3")
        return getattr(self._store, name)


class _StormApplication(Application):
    """The application with the storm's timings and rows."""

    lock_timings = TIMINGS


class Session:
    """What one process keeps between tasks."""

    def __init__(self, settings: Settings, firestore_host: str, slack_url: str) -> None:
        from alerts.secret import webhook_url_from_secret
        from alerts.slack import SlackNotifier
        from grading.writing import staging

        os.environ.update(isolated())
        if firestore_host:
            os.environ["FIRESTORE_EMULATOR_HOST"] = firestore_host
        self.sink = _Sink()
        self.clock = _SkewedClock()
        self.secrets: Any = _Secrets(slack_url)
        webhook = webhook_url_from_secret(
            lambda: self.secrets, settings.google_cloud_project, clock=self.clock, fresh_seconds=0, refusal_seconds=0
        )
        notifier = SlackNotifier(
            webhook, requests.Session(), EventLog((self.sink,)), self.clock, environment="storm", budget_seconds=1.0
        )
        self.application = _StormApplication(settings, clock=self.clock, sinks=(self.sink,), notifier=notifier)
        self.locks = _Locks(self.application.lock_store)
        vars(self.application)["lock_store"] = self.locks
        self.credentials = _Credentials()
        self.application.bigquery_client._http.credentials = self.credentials
        vars(staging)["compute"] = _compute
        stop_on_sigterm(self.clock)

    def do(self, job: Job) -> Reply:
        """Carry out one task."""
        self.sink.clear()
        self.clock.skew_seconds = job.task.skew_seconds
        self.secrets.refused = job.secret_refused
        self.locks.refused = job.locks_refused
        self.credentials.refusals = 2 if job.token_refused else 0
        self._met = Counter[str]()
        detail = ""
        try:
            if job.naive:
                naive_write(self.application, DAYS[job.task.date])
            elif job.task.role == "event":
                self._deliver(job)
            elif job.task.role == "batch":
                detail = self._batch(job.task)
            elif job.task.role == "backfill":
                detail = self._backfill(job.task)
            else:
                detail = self._repair(job.task)
            ending: Ending = "again" if detail else "done"
        except Transient as error:
            ending, detail = "again", str(error)
        except Exception:  # noqa: BLE001 - what the service must never let out, the checker is told
            ending, detail = ("again" if job.naive else "crashed"), traceback.format_exc()
        return Reply(
            ending=ending,
            statuses=tuple(self.sink.statuses),
            alerts=tuple(self.sink.alerts),
            repeats=self.sink.repeats,
            detail=detail,
            met=self._met if job.task.role == "batch" else {},
        )

    def _deliver(self, job: Job) -> None:
        """Hand the event over as the function would get it."""
        text = f'{{"target_date": "{DAYS[job.task.date]}", "trigger_source": "storm", "run_aggregation": false}}'
        body = text.encode() if job.task.body is None else job.task.body
        published = job.published_at.astimezone(UTC).isoformat()
        message = {"data": base64.b64encode(body).decode(), "messageId": job.task.name, "publishTime": published}
        self.application.handler.handle({"message": message}, event_id=job.task.name, event_time=published)

    def _backfill(self, task: Task) -> str:
        application = self.application
        deadline = Deadline.after(application.settings.function_timeout_seconds, self.clock)
        request = Request(date=DAYS[task.date], trigger_source="backfill")
        outcome = application.service.run(GRADING, request, deadline, use_lock=task.locked)
        return outcome.detail if outcome.transient else ""

    def _batch(self, task: Task) -> str:
        """Backfill all dates as one batch; what else it meets happens once, after its staging."""
        from grading.dates.batches import Batches, BatchSize, graded
        from grading.dates.survey import Work

        application, todo = self.application, [task.meets] if task.meets else []

        seconds = application.settings.function_timeout_seconds
        batches = Batches(
            run_all=graded(
                application.service,
                lambda work: Request(date=work.date, trigger_source="backfill", one_of_many=True),
            ),
            clock=self.clock,
            events=application.events,
            deadline=lambda: Deadline.after(seconds, self.clock),
            size=BatchSize(),
        )
        real = ComputedRows.stage

        def stage(rows: ComputedRows, batch: Batch) -> Staged:
            meets = todo.pop() if len(batch) > 1 and todo else ""
            if meets == "too big":
                raise ResourcesExceeded("Resources exceeded during query execution: too much for one")
            staged = real(rows, batch)
            if meets:
                self._meet(meets, batch)
            return staged

        try:
            ComputedRows.stage = stage  # type: ignore[method-assign]
            ended = batches.run([Work(processor=GRADING, date=day) for day in DAYS])
        finally:
            ComputedRows.stage = real  # type: ignore[method-assign]
        names = self.sink.names
        self._met.update({"batches": 1, "left out": names["publish_refused"], "halvings": names["batch_halved"]})
        failed = [outcome for outcome in ended.values() if outcome and outcome.transient]
        self._met["leases lost"] += sum("lost the lock" in outcome.detail for outcome in failed)
        return "; ".join(outcome.detail for outcome in failed)

    def _meet(self, what: str, batch: Batch) -> None:
        application, day = self.application, batch.days[0]
        if what == "overtaken":
            request = Request(date=day, trigger_source="backfill")
            deadline = Deadline.after(application.settings.function_timeout_seconds, self.clock)
            application.service.run(GRADING, request, deadline, use_lock=False)
            return
        lock = application.lock(GRADING.lock_type)
        with suppress(LockStoreUnavailable):
            for status in lock.list_locks():
                if status.holder_id == batch.runs[0].hold.holder_id:
                    lock.force_release(day, if_version=status.version)
                    time.sleep(TIMINGS.renew_every_seconds * 1.5)  # the renewal notices

    def _repair(self, task: Task) -> str:
        """Repair all dates together, as `dedupe` does; what becomes of the task's date is how it ended."""
        from grading.dates.batches import Batches, BatchSize
        from grading.dates.survey import Work
        from grading.maintenance.backup import make_backup
        from grading.maintenance.repair_tables import REPAIR_TABLES

        application, table = self.application, REPAIR_TABLES[GRADING.name]
        settings = application.settings
        deadline = Deadline.after(settings.function_timeout_seconds, self.clock)
        jobs = Jobs.of(application.warehouse, "backup", deadline)
        backup = make_backup(table.path(settings), settings, jobs, days=1)
        batches = Batches(
            run_all=lambda works, deadline: application.repairer.deduplicate(
                table, [work.date for work in works], backup, deadline, merge_differing=True
            ),
            clock=self.clock,
            events=application.events,
            deadline=lambda: deadline,
            size=BatchSize(),
        )
        ended = batches.run([Work(processor=GRADING, date=day) for day in DAYS])
        [result] = [found for work, found in ended.items() if found and work.date == DAYS[task.date]]
        self.sink.statuses.append(result.result.value)
        application.warehouse.drop(backup.path(settings))
        return "" if result.result.good else f"{result.result}: {result.detail}"


def _compute(batch: Batch) -> Computed:
    return Computed(select_rows(batch.settings, *batch.days), COLUMNS)


class Worker:
    """The parent's handle on one process."""

    def __init__(self, settings: Settings, firestore_host: str, slack_url: str) -> None:
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_serve, args=(theirs, settings, firestore_host, slack_url), daemon=True)
        self.process.start()
        theirs.close()
        self.frozen = False

    def send(self, job: Job) -> None:
        self.pipe.send(job)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to a process that is there."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL, and nothing of it is left."""
        self.process.kill()
        self.process.join(10)
        self.pipe.close()


def _serve(pipe: Connection, settings: Settings, firestore_host: str, slack_url: str) -> None:
    session = Session(settings, firestore_host, slack_url)
    while session.clock.ends_at == math.inf:
        if not pipe.poll(0.2):
            continue
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(session.do(job))
