"""The facts that a date's story is made from: its runs, its rows, its inputs, its locks, as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from foundation.errors import GradingError, LockStoreUnavailable
from grading.dates.survey import Work, aggregate_due, grading_due, read_dates, read_ledger
from grading.history import RunHistory, RunRecord
from grading.processors import AGGREGATES, Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.trace import InputState
from grading.writing.input_state import input_states
from locking.lock import lock_document
from locking.status import LockStatus
from locking.store import DocumentStore
from validation.duplicates import DuplicateReport, find_duplicates
from warehouse.jobs import Jobs
from warehouse.statements import Folder, literal, table

SQL = Folder("grading.report.sql")

_LOCK_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOfRun:
    """How many of a date's rows carry a run's id (None: no id), and when they were written, in milliseconds."""

    run_id: str | None
    row_count: int
    first_ms: int | None
    last_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Duplicates that were found, and when they were gone (None: they were not seen gone yet)."""

    processor: str
    detected_at: datetime
    duplicate_keys: int | None
    resolved_at: datetime | None
    notes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One processor's date: its runs in the order of their starts, and what there is now.

    `due` says why the date should be computed anew, None if it is as new as its inputs. `lock` is who holds the lock
    now; `lock_unknown` says why that could not be learnt. `committed` has the end of each publish job that is known.
    """

    processor: Processor
    runs: Sequence[RunRecord]
    rows: Sequence[RowsOfRun] = ()
    duplicates: DuplicateReport = field(default_factory=DuplicateReport)
    inputs: Mapping[str, InputState] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    due: str | None = None
    lock: LockStatus | None = None
    lock_unknown: str = ""
    committed: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFacts:
    """A date, by processor. `predictions` and `with_box_score` are what there is to grade now."""

    date: date
    tables: Sequence[TableFacts]
    predictions: int = 0
    with_box_score: int = 0


def read_facts(
    settings: Settings, jobs: Jobs, store: DocumentStore, day: date, processors: Sequence[Processor]
) -> DateFacts:
    """Read everything; the processors' tables in turn. Raises what `Warehouse.run` raises."""
    runs = RunHistory(settings, jobs).of_date(day)
    audit = table(settings.target("grading_duplicate_audit"))
    findings = [
        Finding(**row)
        for row in jobs.ask("findings", SQL.fill("findings_of_date", audit=audit, date=literal(day))).rows
    ]
    states = read_dates(settings, jobs, day, day)
    ledger = read_ledger(settings, jobs, day, day)
    due = list(grading_due(states, ledger))
    for processor in AGGREGATES:
        due += aggregate_due(processor, states, ledger)
    state = states[0] if states else None
    return DateFacts(
        date=day,
        predictions=state.predictions if state else 0,
        with_box_score=state.with_box_score if state else 0,
        tables=[_table_facts(settings, jobs, store, day, processor, runs, findings, due) for processor in processors],
    )


def _table_facts(
    settings: Settings,
    jobs: Jobs,
    store: DocumentStore,
    day: date,
    processor: Processor,
    runs: Sequence[RunRecord],
    findings: Sequence[Finding],
    due: Sequence[Work],
) -> TableFacts:
    run = Run.start(processor, Request(date=day, trigger_source="explain"), settings, jobs.warehouse, jobs.deadline)
    own = sorted((record for record in runs if record.processor == processor.name), key=started)
    lock, unknown = _lock(store, processor, day)
    return TableFacts(
        processor=processor,
        runs=own,
        rows=[RowsOfRun(**row) for row in jobs.ask("rows", SQL.fill("rows_by_run", **run.values())).rows],
        duplicates=find_duplicates(jobs.ask, run.values(), processor.business_key)[day],
        inputs=input_states(run),
        findings=[finding for finding in findings if finding.processor == processor.name],
        due=next((work.reason for work in due if work.processor is processor), None),
        lock=lock,
        lock_unknown=unknown,
        committed=_ends_of_publishes(jobs, own),
    )


def started(record: RunRecord) -> float:
    """When a run began, in seconds; 0 for one that does not say."""
    return record.started_at.timestamp() if record.started_at else 0.0


def _ends_of_publishes(jobs: Jobs, runs: Sequence[RunRecord]) -> Mapping[str, datetime]:
    """When the publish jobs of the last runs ended, as BigQuery remembers it (for 180 days)."""
    ends = {}
    for record in runs[-_JOBS_ASKED:]:
        if record.publish_job_id:
            try:
                ended = jobs.warehouse.ended_at(record.publish_job_id)
            except GradingError:
                continue
            if ended:
                ends[record.run_id] = ended
    return ends


_JOBS_ASKED = 20


def _lock(store: DocumentStore, processor: Processor, day: date) -> tuple[LockStatus | None, str]:
    try:
        document = store.read(lock_document(processor.lock_type, day), timeout=_LOCK_SECONDS)
    except LockStoreUnavailable as error:
        return None, str(error)
    return (LockStatus.of(document) if document else None), ""
