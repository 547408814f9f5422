"""Publish: one transaction that replaces the dates of a batch, or changes nothing.

Why it is safe. The script's first statement compares the data tokens of each date and takes its fence: rows staged
earlier than what the fence records are refused. The same statement changes the sentinel's row, so of two publishes to
one table that run at once BigQuery aborts one, whatever rows they touch; between the comparison and the change
there is nothing that another could do. DELETE, INSERT, fences and audit rows commit together or not at all, so a
reader sees the old rows or the new ones, and a crash at any moment leaves one of the two. None of this needs
the locks; they only keep writers from wasting each other's work.

Why each date is safe by itself. The dates are one list of literals in every statement, so a date that is left out is
neither deleted nor inserted, though its rows are still staged. An error stops the script at the first date that it
meets: so all fences are read then, those that hold newer data are left out, and the others are published.

A script whose answer was lost is recognised by its own fence entries: the next attempt finds our token and run id in
one of them, and ends as published. They were taken together: one is proof of all.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from foundation import commands
from foundation.errors import (
    DeadlineExceeded,
    GuardRaised,
    LeaseLost,
    NotInitialised,
    OutcomeUnknown,
    PublishConflict,
    ResourcesExceeded,
    StagingOutdated,
    TokenFromTheFuture,
    Transient,
)
from foundation.events import EventLog
from grading.batch import Batch
from grading.outcome import KeyChange, SecondChoices
from grading.run import SENTINEL, Run
from grading.writing.declared import declared
from grading.writing.staging import Base, Staged
from warehouse.statements import Folder, Sql, columns, literal, rows_array, table

SQL = Folder("grading.sql")

PublishLock = Callable[[Run, EventLog], AbstractContextManager[None]]

_FIRST_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 8.0
# A batch that meets others this often in a row is too long.
_CONFLICTS_OF_MANY = 3
# BigQuery takes 1 MB (https://cloud.google.com/bigquery/quotas#query_jobs); every character is ASCII.
_LONGEST_SCRIPT = 256 * 1024
_OUTDATED = ("fence_newer", "fence_moved", "rows_moved")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditNote:
    """What the audit row of a published run says beyond its identity."""

    status: str
    rows_inserted: int = 0
    duplicate_keys: int = 0
    detail: str = ""
    keys: KeyChange = field(default_factory=KeyChange)
    second_choices: SecondChoices = field(default_factory=SecondChoices)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Runs the publish script until it commits, is refused, or time is up.

    `publish_lock` serialises publishes to one table, so that they do not abort each other; it is a courtesy,
    not a condition. `pause(seconds)` waits between attempts.
    """

    publish_lock: PublishLock
    pause: Callable[[float], object] = field(default=threading.Event().wait)

    def publish(
        self, batch: Batch, staged: Staged, notes: Mapping[date, AuditNote], events: EventLog
    ) -> Mapping[date, Transient]:
        """Replace the batch's dates by the staged rows. Returns the dates that were not published, and why: `LeaseLost`
        (someone else is at work), or `StagingOutdated` (the fence holds newer data, or a repair's base has changed).

        Raises `DeadlineExceeded`, `OutcomeUnknown` (it may still commit), `NotInitialised`, `TokenFromTheFuture`, and
        `PublishConflict` if a batch of several dates is aborted for the third time: then nothing was written.
        """
        left_out: dict[date, Transient] = {}
        with self.publish_lock(batch.lead, events):
            attempt = 0
            while True:
                left_out |= _lost(batch.without(left_out))
                left = batch.without(left_out)
                if not left:
                    return left_out
                try:
                    refused = _attempt(left, staged, notes)
                except PublishConflict as conflict:
                    attempt += 1
                    if attempt == _CONFLICTS_OF_MANY and len(left) > 1:
                        raise
                    self._back_off(batch.lead, attempt, conflict, events)
                    continue
                if not refused:
                    return left_out
                left_out |= refused

    def _back_off(self, run: Run, attempt: int, conflict: PublishConflict, events: EventLog) -> None:
        longest = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
        seconds = random.uniform(0, longest)  # noqa: S311 - jitter, not a secret
        events.emit("publish_conflict", str(conflict), "WARNING", attempt=attempt, backoff_seconds=round(seconds, 3))
        if seconds >= run.deadline.remaining():
            raise DeadlineExceeded(f"the publish was aborted {attempt} times by concurrent ones") from conflict
        self.pause(seconds)


def _attempt(batch: Batch, staged: Staged, notes: Mapping[date, AuditNote]) -> Mapping[date, Transient]:
    """Send the script once. Returns the dates that were refused, and with them all; none if it has committed."""
    began = batch.deadline.clock.monotonic()
    try:
        batch.jobs.ask("publish", partial(_script, batch, staged, notes))
    except GuardRaised as raised:
        if raised.guard == "already_published":
            return {}
        if raised.guard not in _OUTDATED:
            raise _refusal(batch, staged, raised) from raised
        return _outdated(batch, staged)
    except OutcomeUnknown:
        # Never release the lock under a write that may still commit: let it expire.
        for run in batch:
            run.hold.abandon()
        raise
    finally:
        batch.lead.trace.transaction_seconds = batch.deadline.clock.monotonic() - began
    return {}


def _script(batch: Batch, staged: Staged, notes: Mapping[date, AuditNote], job_id: str) -> Sql:
    """The script, unless it is too long for a batch of several dates."""
    script = publish_script(batch, staged, notes, job_id)
    if len(script.text) > _LONGEST_SCRIPT and len(batch) > 1:
        raise ResourcesExceeded(f"the script of {batch.name} has {len(script.text):,} characters")
    return script


def _lost(batch: Batch) -> dict[date, Transient]:
    """The dates whose locks are not ours any more."""
    lost: dict[date, Transient] = {}
    for run in batch:
        try:
            run.hold.ensure_held()
        except LeaseLost as error:
            lost[run.date] = error
    return lost


def _outdated(batch: Batch, staged: Staged) -> Mapping[date, Transient]:
    """The dates that were refused, by one query of all fences; none if a fence shows that our publish did commit.

    The only date of a batch is the one that was refused. If none of several is, their rows have changed: then none can
    be published.
    """
    refused: dict[date, Transient] = {
        run.date: StagingOutdated(f"{batch.fence} holds newer data for {run.lock_key} than what was staged")
        for run in batch
    }
    if len(batch) == 1:
        return refused
    found = {row["lock_key"]: row for row in batch.jobs.ask("fences", SQL.fill("read_fence", **batch.values())).rows}
    outdated = set()
    for run in batch:
        held = found.get(run.lock_key)
        token, run_id = (int(held["token"]), held["run_id"] or "") if held else (0, "")
        if held and (token, run_id) == (staged.token_of(run.date), run.run_id):
            return {}
        base = staged.bases.get(run.date)
        if (token, run_id) != (base.token, base.run_id) if base else token >= staged.token:
            outdated.add(run.date)
    return {day: error for day, error in refused.items() if not outdated or day in outdated}


def _refusal(batch: Batch, staged: Staged, raised: GuardRaised) -> Exception:
    match raised.guard:
        case "sentinel_missing":
            return NotInitialised(f"{batch.fence} does not have exactly one sentinel row: run `{commands.INIT}`")
        case "token_from_the_future":
            return TokenFromTheFuture(
                f"the data token {staged.token} of {batch.processor.name} {batch.name} is more than 60 s ahead of "
                f"the warehouse's clock; nothing was published"
            )
    return raised


# An entry of the fence as the script takes it.
_ENTRY = {"lock_key": "STRING", "day": "DATE", "token": "INT64", "run_id": "STRING", "expected_run_id": "STRING"}


def publish_script(batch: Batch, staged: Staged, notes: Mapping[date, AuditNote], job_id: str = "") -> Sql:
    """The whole transaction as it is sent by the job of this id."""
    entries = [
        _entry(run.lock_key, run.date, staged.token_of(run.date), run.run_id, staged.bases.get(run.date, Base()).run_id)
        for run in batch
    ]
    newest = max(staged.token_of(day) for day in batch.days)
    recorded = [_recorded(run, staged, notes[run.date], job_id) for run in batch]
    values = {
        **batch.values(),
        "staging": table(staged.table),
        "entries": rows_array(_ENTRY, [_entry(SENTINEL, None, newest, batch.lead.run_id, ""), *entries]),
        **_recorded_runs(recorded),
        "covers": Sql("covering.covers" if staged.covering else "CAST(NULL AS STRING)"),
        "covering": SQL.fill("join_covering", covering=table(staged.covering)) if staged.covering else Sql(""),
    }
    staged_columns = ", ".join(f"staged.{columns([name])}" for name in staged.columns)
    if staged.provenance:
        values["columns"] = columns([*staged.columns, "run_id", "fence_token"])
        values["selected"] = Sql(f"{staged_columns}, run.run_id, run.token")
        values["published_by"] = SQL.fill("published_by", **values)
    else:
        values["columns"], values["selected"] = columns(staged.columns), Sql(staged_columns)
        values["published_by"] = Sql("")
    values["fence_check"] = staged.fence_check.fill(**values)
    values["further_checks"] = Sql("\n\n".join(check.fill(**values).text for check in staged.further_checks))
    return SQL.fill("publish", **values)


def _entry(lock_key: str, day: date | None, token: int, run_id: str, expected_run_id: str) -> list[Sql]:
    return [literal(value) for value in (lock_key, day, token, run_id, expected_run_id)]


def _recorded_runs(recorded: Sequence[Mapping[str, Sql]]) -> Mapping[str, Sql]:
    """The rows of `grading_runs` as an array, and the SELECT list over it. What is the same in all is said once."""
    first = recorded[0]
    differing = [name for name in first if name in _OF_EACH or any(row[name] != first[name] for row in recorded)]
    types = {column.name: column.type.text for column in declared("grading_runs").columns}
    selected = [f"run.{columns([name])}" if name in differing else first[name].text for name in first]
    return {
        "recorded_columns": columns(first),
        "recorded": Sql(",\n  ".join(selected)),
        "recorded_runs": rows_array(
            {name: types[name] for name in differing}, [[row[name] for name in differing] for row in recorded]
        ),
    }


_OF_EACH = ("run_id", "game_date")


def _recorded(run: Run, staged: Staged, note: AuditNote, job_id: str) -> Mapping[str, Sql]:
    """The columns of the run's row in `grading_runs` that are known before the transaction begins, and their values."""
    return {
        **run.identity(),
        "fence_token": literal(staged.token_of(run.date)),
        "rows_inserted": literal(note.rows_inserted),
        "duplicate_keys": literal(note.duplicate_keys),
        "status": literal(note.status),
        "detail": literal(note.detail),
        "keys_added": literal(note.keys.added),
        "keys_removed": literal(note.keys.removed),
        "box_scores_differing": literal(note.second_choices.box_scores),
        "game_ids_differing": literal(note.second_choices.game_ids),
        "confidence_out_of_range": literal(note.second_choices.confidences),
        "publish_job_id": literal(job_id or None),
        **run.trace.recorded(run.hold, run.settings.code_version),
    }
