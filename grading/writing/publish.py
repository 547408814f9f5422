"""Publish: one transaction that replaces the dates of a batch, or changes nothing.

Why it is safe. The script's first statement compares the data tokens of each date and takes its fence: rows staged
earlier than what the fence records are refused. The same statement changes the sentinel's row, so of two publishes to
one table that run at once BigQuery aborts one, whatever rows they touch; between the comparison and the change
there is nothing that another could do. DELETE, INSERT, fences and audit rows commit together or not at all, so a
reader sees the old rows or the new ones, and a crash at any moment leaves one of the two. None of this needs
the locks; they only keep writers from wasting each other's work.

Why each date is safe by itself. The dates are one list of literals in every statement, so a date that is left out is
neither deleted nor inserted, though its rows are still staged. An error stops the script at the first date that it
meets: so all fences are read then, those that hold newer data are left out, and the others are published. So it is with
the dates whose rows were changed by someone who knows no fence, if that is asked.

A script whose answer was lost is recognised by its own fence entries: the next attempt finds our token and run id in
one of them, and ends as published. They were taken together: one is proof of all.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping
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
from grading.writing.publish_script import AuditNote, publish_script
from grading.writing.staging import Staged
from warehouse.statements import Folder, Sql, SqlFile, table

SQL = Folder("grading.sql")

PublishLock = Callable[[Batch, EventLog], AbstractContextManager[None]]

_FIRST_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 8.0
# A batch that meets others this often in a row is too long.
_CONFLICTS_OF_MANY = 3
# BigQuery takes 1 MB (https://cloud.google.com/bigquery/quotas#query_jobs); every character is ASCII.
_LONGEST_SCRIPT = 256 * 1024
_OUTDATED = ("fence_newer", "fence_moved", "rows_moved")


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
        `PublishConflict` if a batch of several dates is aborted for the third time. Before it gives up on conflicts it
        reads the fences, since an attempt that seemed aborted may have committed: so nothing was written.
        """
        left_out: dict[date, Transient] = {}
        with self.publish_lock(batch, events):
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
                    seconds = _back_off(attempt, conflict, events)
                    is_too_long = attempt == _CONFLICTS_OF_MANY and len(left) > 1
                    is_too_late = seconds >= batch.deadline.remaining()
                    if not is_too_long and not is_too_late:
                        self.pause(seconds)
                        continue
                    if _newer(left, staged)[0]:
                        return left_out
                    if is_too_long:
                        raise
                    late = f"the publish was aborted {attempt} times by concurrent ones"
                    raise DeadlineExceeded(late) from conflict
                if not refused:
                    return left_out
                left_out |= refused


def _back_off(attempt: int, conflict: PublishConflict, events: EventLog) -> float:
    """How many seconds to wait before the next attempt."""
    longest = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
    seconds = random.uniform(0, longest)  # noqa: S311 - jitter, not a secret
    events.emit("publish_conflict", str(conflict), "WARNING", attempt=attempt, backoff_seconds=round(seconds, 3))
    return seconds


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
        return _outdated(batch, staged, raised.guard)
    except OutcomeUnknown:
        # Never release the lock under a write that may still commit: let it expire.
        for run in batch:
            run.hold.abandon()
        raise
    finally:
        trace = batch.lead.trace
        trace.transaction_seconds = max(trace.transaction_seconds, batch.deadline.clock.monotonic() - began)
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


def _outdated(batch: Batch, staged: Staged, guard: str) -> Mapping[date, Transient]:
    """The dates that were refused; none if a fence shows that our publish did commit.

    The only date of a batch is the one that was refused. If of several none is found any more, all are.
    """
    refused: dict[date, Transient] = {
        run.date: StagingOutdated(f"{batch.fence} holds newer data for {run.lock_key} than what was staged")
        for run in batch
    }
    if len(batch) == 1:
        return refused
    if guard == "rows_moved" and staged.rows_moved:
        outdated = _moved(batch, staged, staged.rows_moved)
    else:
        ours, outdated = _newer(batch, staged)
        if ours:
            return {}
    return {day: error for day, error in refused.items() if not outdated or day in outdated}


def _moved(batch: Batch, staged: Staged, rows_moved: SqlFile) -> Collection[date]:
    """The dates whose rows someone has changed who knows no fence. All fences were ours to take, so none is ours."""
    statement = rows_moved.fill(**batch.values(), staging=table(staged.table))
    return {row["day"] for row in batch.jobs.ask("moved", statement).rows}


def _newer(batch: Batch, staged: Staged) -> tuple[bool, Collection[date]]:
    """Whether a fence shows that our publish did commit; and the dates whose fences hold newer data."""
    found = {row["lock_key"]: row for row in batch.jobs.ask("fences", SQL.fill("read_fence", **batch.values())).rows}
    outdated = set()
    for run in batch:
        held = found.get(run.lock_key)
        token, run_id = (int(held["token"]), held["run_id"] or "") if held else (0, "")
        if held and (token, run_id) == (staged.token_of(run.date), run.run_id):
            return True, ()
        base = staged.bases.get(run.date)
        if (token, run_id) != (base.token, base.run_id) if base else token >= staged.token:
            outdated.add(run.date)
    return False, outdated


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
