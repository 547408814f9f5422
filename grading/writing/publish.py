"""Publish: one transaction that replaces a date, or changes nothing.

Why it is safe. The script's first statement compares data tokens and takes the fence: rows staged earlier than
what the fence records are refused. The same statement changes the sentinel's row, so of two publishes to one
table that run at once BigQuery aborts one, whatever rows they touch; between the comparison and the change
there is nothing that another could do. DELETE, INSERT, fence and audit row commit together or not at all, so a
reader sees the old rows or the new ones, and a crash at any moment leaves one of the two. None of this needs
the lock; the lock only keeps writers from wasting each other's work.

A script whose answer was lost is recognised by its own fence entry: the next attempt finds our token and
run id, and ends as published.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from foundation import commands
from foundation.errors import (
    DeadlineExceeded,
    GuardRaised,
    NotInitialised,
    OutcomeUnknown,
    PublishConflict,
    StagingOutdated,
    TokenFromTheFuture,
)
from foundation.events import EventLog
from grading.outcome import KeyChange, SecondChoices
from grading.run import Run
from grading.writing.staging import Staged
from warehouse.statements import Folder, Sql, columns, literal, table

SQL = Folder("grading.sql")

PublishLock = Callable[[Run, EventLog], AbstractContextManager[None]]

_FIRST_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 8.0


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

    def publish(self, run: Run, staged: Staged, note: AuditNote, events: EventLog) -> None:
        """Replace the run's date by the staged rows.

        Raises `LeaseLost` (nothing was written), `StagingOutdated` (the fence holds newer data, or a repair's
        base has changed: stage again), `DeadlineExceeded`, `OutcomeUnknown` (it may still commit),
        `NotInitialised` and `TokenFromTheFuture`.
        """
        with self.publish_lock(run, events):
            attempt = 0
            while True:
                run.hold.ensure_held()
                try:
                    run.jobs.ask("publish", lambda job_id: publish_script(run, staged, note, job_id))
                except PublishConflict as conflict:
                    attempt += 1
                    self._back_off(run, attempt, conflict, events)
                except GuardRaised as raised:
                    if raised.guard == "already_published":
                        return
                    raise self._refusal(run, staged, raised) from raised
                except OutcomeUnknown:
                    # Never release the lock under a write that may still commit: let it expire.
                    run.hold.abandon()
                    raise
                else:
                    return

    def _back_off(self, run: Run, attempt: int, conflict: PublishConflict, events: EventLog) -> None:
        longest = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
        seconds = random.uniform(0, longest)  # noqa: S311 - jitter, not a secret
        events.emit("publish_conflict", str(conflict), "WARNING", attempt=attempt, backoff_seconds=round(seconds, 3))
        if seconds >= run.deadline.remaining():
            raise DeadlineExceeded(f"the publish was aborted {attempt} times by concurrent ones") from conflict
        self.pause(seconds)

    @staticmethod
    def _refusal(run: Run, staged: Staged, raised: GuardRaised) -> Exception:
        match raised.guard:
            case "sentinel_missing":
                return NotInitialised(f"{run.fence} does not have exactly one sentinel row: run `{commands.INIT}`")
            case "token_from_the_future":
                return TokenFromTheFuture(
                    f"the data token {staged.token} of {run.processor.name} {run.lock_key} is more than 60 s ahead of "
                    f"the warehouse's clock; nothing was published"
                )
            case "fence_newer" | "fence_moved" | "rows_moved":
                return StagingOutdated(f"{run.fence} holds newer data for {run.lock_key} than what was staged")
        return raised


def publish_script(run: Run, staged: Staged, note: AuditNote, job_id: str = "") -> Sql:
    """The whole transaction as it is sent by the job of this id."""
    values = {
        **run.values(),
        "staging": table(staged.table),
        "token": literal(staged.token),
        "expected_run_id": literal(staged.expected_run_id),
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
        "covers": SQL.fill("covers", covering=table(staged.covering)) if staged.covering else literal(None),
    }
    names = columns(staged.columns)
    if staged.provenance:
        values["columns"] = columns([*staged.columns, "run_id", "fence_token"])
        values["selected"] = Sql(f"{names}, {values['run_id']}, {values['token']}")
    else:
        values["columns"] = values["selected"] = names
    values["fence_check"] = staged.fence_check.fill(**values)
    values["further_checks"] = Sql("\n\n".join(check.fill(**values).text for check in staged.further_checks))
    return SQL.fill("publish", **values)
