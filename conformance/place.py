"""Where assertions run: scratch datasets and collections, and the service's own parts on them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, cast

from google.cloud import bigquery

from conformance.assertion import Ability
from conformance.cost import Bill
from conformance.scratch import LABEL, LIFETIME_SECONDS, ROLES, Scratch
from conformance.scratch_function import Gcloud, run_gcloud
from conformance.sweep import Documents, remove_dataset
from foundation.clock import Clock, Deadline
from foundation.errors import StatementRefused
from foundation.events import EventLog
from grading.batch import Batch
from grading.processors import GRADING, Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.publish_script import AuditNote, publish_script
from grading.writing.rules import compute
from grading.writing.schema import create_tables
from grading.writing.staging import QueriedRows, Staged
from localdev.load import create_input_tables
from locking.firestore.wire import FirestoreWire
from locking.lock import DistributedLock
from locking.store import DocumentStore
from locking.timings import LockTimings
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("conformance.sql")

FIRST_DAY = date(2024, 1, 1)
DAYS = 40
FIRST_TIMED_DAY = 10
DEPLOYED_DAYS = (30, 31)
EMPTY_DAY = date(1999, 1, 1)
APPENDED = "conformance_appended"
HAND_OFF = "handoff"

_CALL_SECONDS = 20.0
_RUN_SECONDS = 60.0
_GRANT_SECONDS = 90.0


def day(number: int) -> date:
    """The scratch date of a number; each assertion has dates of its own."""
    return FIRST_DAY + timedelta(days=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait for what takes time on a real project, in seconds, and how often to try."""

    job_timeout: float = 15.0
    idle: float = 120.0
    stopped_within: float = 60.0
    recovery: float = 30.0
    poll: float = 0.5
    rounds: int = 5
    hand_offs: int = 7
    dates: int = 10
    delivered_within: float = 180.0


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a date holds: rows, runs, and a checksum over every value."""

    row_count: int
    run_count: int
    run_id: str | None
    appended: int
    checksum: int


@dataclass(kw_only=True)
class Place:
    """One run's scratch, and what works on it.

    Args:
        settings: the service's settings, with scratch datasets in place of the real ones.
        owner: the client of the person: makes, grants and removes scratch datasets.
        client: the client that assertions use: of the account AS, or the person's own.
        store, timings: the locks, always of the scratch lock type.
        wire: Firestore's methods, if the locks are there.
        impersonated: the account AS; empty without one.
        lacks: what this place cannot do, and why.
        real: the settings of the real tables, for TABLES=yes.
        deep: whether a function may be deployed, in `region`, by `gcloud`; `monitoring` answers a PromQL query.
    """

    settings: Settings
    owner: bigquery.Client
    client: bigquery.Client
    store: DocumentStore
    documents: Documents
    scratch: Scratch
    clock: Clock
    wire: FirestoreWire | None = None
    impersonated: str = ""
    lacks: Mapping[Ability, str] = field(default_factory=dict)
    real: Settings | None = None
    pace: Pace = field(default_factory=Pace)
    timings: LockTimings = field(default_factory=LockTimings)
    bill: Bill = field(default_factory=Bill)
    deadline: Deadline | None = None
    deep: bool = False
    region: str = "us-west2"
    gcloud: Gcloud = run_gcloud
    monitoring: Callable[[str], float | None] = lambda _query: None
    locks_used_at: float = field(init=False)
    events: EventLog = field(default_factory=EventLog)

    def __post_init__(self) -> None:
        self.locks_used_at = self.clock.monotonic()

    def prepare(self) -> None:
        """Make the scratch datasets, tables and inputs. The person does it, as `init` is run by a person."""
        self.documents.register(self.scratch, self.scratch.collections(*self._lock_keys()))
        for role in ROLES:
            self._make_dataset(role)
        create_tables(self.settings, self.jobs("create", owner=True))
        create_input_tables(self.owner, self.settings)
        values = {
            "predictions": table(self.settings.input_table("predictions_table")),
            "box_scores": table(self.settings.input_table("box_scores_table")),
            "first": literal(day(0)),
            "last": literal(day(DAYS - 1)),
        }
        jobs = self.jobs("inputs", owner=True)
        for name in ("conformance_predictions", "conformance_box_scores"):
            jobs.ask("fill", SQL.fill(name, **values))
        self._wait_for_grants()

    def clear(self) -> None:
        """Remove all that the run has made."""
        for role in ROLES:
            remove_dataset(self.owner, self.scratch.dataset(role))
        if entry := self.documents.runs().get(self.scratch.run):
            self.documents.remove(entry)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse as the deployed service uses it."""
        return Warehouse(self.client, observe=lambda job_id, _sql: self.bill.note(self.client, job_id))

    @cached_property
    def owner_warehouse(self) -> Warehouse:
        return Warehouse(self.owner, observe=lambda job_id, _sql: self.bill.note(self.owner, job_id))

    def jobs(self, task: str, *, seconds: float = _RUN_SECONDS, owner: bool = False) -> Jobs:
        """A query session for a task."""
        warehouse = self.owner_warehouse if owner else self.warehouse
        return Jobs.of(warehouse, f"conformance-{task}", self.within(seconds))

    def within(self, seconds: float) -> Deadline:
        """A deadline that also ends with the run."""
        left = self.deadline.remaining() if self.deadline else seconds
        return Deadline.after(min(seconds, left), self.clock)

    @property
    def processor(self) -> Processor:
        """The processor that grades, under a scratch lock."""
        return replace(GRADING, lock_type=self.scratch.lock_type)

    def run(self, when: date, *, seconds: float = _RUN_SECONDS) -> Run:
        """A run of the grading processor for a scratch date."""
        request = Request(date=when, trigger_source="conformance")
        return Run.start(self.processor, request, self.settings, self.warehouse, self.within(seconds))

    def staged(self, run: Run) -> Staged:
        """The run's rows, staged as the service stages them."""
        return QueriedRows(compute(Batch.of(run))).stage(Batch.of(run))

    def script(self, run: Run, staged: Staged) -> Sql:
        """The publish script as the service sends it."""
        return publish_script(Batch.of(run), staged, {run.date: AuditNote(status="success")})

    def published(self, when: date) -> Run:
        """Grade a date once, by staging and publishing it. Returns the run that did."""
        run = self.run(when)
        run.jobs.ask("publish", self.script(run, self.staged(run)))
        return run

    def fingerprint(self, when: date) -> Fingerprint:
        """What a date holds now."""
        return Fingerprint(**self.ask("fingerprint", run=self.run(when), appended=literal(APPENDED)))

    def ask(self, name: str, *, run: Run, **values: Sql) -> Mapping[str, Any]:
        """The first row of one of this package's statements; empty if it has none."""
        found = run.jobs.ask("conformance", SQL.fill(name, **{**run.values(), **values})).rows
        return found[0] if found else {}

    def job(self, job_id: str) -> bigquery.QueryJob:
        """A job of the client's, as the server describes it."""
        return cast("bigquery.QueryJob", self.client.get_job(job_id, timeout=_CALL_SECONDS))

    def children(self, job_id: str) -> Sequence[bigquery.QueryJob]:
        """The jobs of a script's statements, in order."""
        listed = self.owner.list_jobs(
            parent_job=job_id, all_users=bool(self.impersonated) or None, timeout=_CALL_SECONDS
        )
        return sorted(listed, key=lambda job: (job.started or job.created, job.job_id))

    def lock(self) -> DistributedLock:
        """The scratch lock."""
        self.locks_used_at = self.clock.monotonic()
        return DistributedLock(
            self.settings.google_cloud_project,
            self.scratch.lock_type,
            store=self.store,
            timings=self.timings,
            clock=self.clock,
            events=self.events,
        )

    def days(self, first: int, count: int) -> Iterator[date]:
        """Several scratch dates."""
        return (day(number) for number in range(first, first + count))

    def _wait_for_grants(self) -> None:
        """A grant takes some seconds to be known everywhere. Raises what AS is told after a minute and a half."""
        deadline, pause = self.within(_GRANT_SECONDS), threading.Event()
        while True:
            try:
                self.warehouse.columns(self.settings.target(GRADING.name))
            except StatementRefused:
                if deadline.expired:
                    raise
                pause.wait(self.pace.poll)
            else:
                return

    def _lock_keys(self) -> tuple[list[str], list[str]]:
        """What is locked here, and what the scratch function locks."""
        timed = [when.isoformat() for when in self.days(FIRST_TIMED_DAY, self.pace.dates + 1)]
        deployed = [day(number).isoformat() for number in DEPLOYED_DAYS]
        return [HAND_OFF, GRADING.name, *timed], [GRADING.name, *deployed]

    def _make_dataset(self, role: str) -> None:
        dataset = bigquery.Dataset(f"{self.settings.google_cloud_project}.{self.scratch.dataset(role)}")
        dataset.location = self.settings.bigquery_location
        dataset.labels = dict([LABEL])
        dataset.description = "Scratch of `make conformance`: removed at its end, or by a later run."
        dataset.default_table_expiration_ms = LIFETIME_SECONDS * 1000
        made = self.owner.create_dataset(dataset, timeout=_CALL_SECONDS)
        if self.impersonated and role != "closed":
            granted = "READER" if role == "inputs" else "WRITER"
            entry = bigquery.AccessEntry(granted, "userByEmail", self.impersonated)
            made.access_entries = [*made.access_entries, entry]
            self.owner.update_dataset(made, ["access_entries"], timeout=_CALL_SECONDS)
