"""Backfills that ended before they were done: killed, or interrupted and never resumed.

A backfill records each run with its own name (`Plan.trigger`), in the transaction that writes the date. So what it
did is known, and what it meant to do is planned again from the tables. A run of a date that anyone finished after the
backfill began counts as done.

A backfill is at work if one of its locks is renewed, or one of its runs was recorded a moment ago; neither can be
said of one that was killed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from foundation import commands
from grading.dates.backfill import FAILURES, left_of, names_of, range_of
from grading.dates.survey import DateState, read_dates
from grading.processors import BY_NAME, PROCESSORS
from grading.settings import Settings
from locking.status import LockStatus
from warehouse.jobs import Jobs
from warehouse.statements import Folder, literal, table

SQL = Folder("grading.dates.sql")

_LOOK_BACK = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedBackfill:
    """A backfill with something left. `held` are the locks of its runs; `at_work` says that it still goes on."""

    trigger: str
    start: date
    end: date
    processors: Sequence[str]
    done: int
    left: int
    last_seen: datetime
    held: Sequence[LockStatus] = ()
    at_work: bool = False

    @property
    def range_text(self) -> str:
        return f"{self.start} to {self.end}"

    @property
    def resume_command(self) -> str:
        """What goes on with it."""
        chosen = self.processors if len(self.processors) < len(PROCESSORS) else ()
        return commands.resume_backfill(self.start, self.end, chosen)


def unfinished_backfills(settings: Settings, jobs: Jobs, locks: Iterable[LockStatus] = ()) -> list[UnfinishedBackfill]:
    """The latest backfill of each range of the last 14 days, if something of it is left; oldest first.

    Args:
        settings: whose tables.
        jobs: asks one query, and one more for each range.
        locks: the locks that are held now.

    Raises:
        GradingError: as `Warehouse.run` raises.
    """
    now = jobs.deadline.clock.now()
    statement = SQL.fill("recent_runs", runs=table(settings.target("grading_runs")), since=literal(now - _LOOK_BACK))
    rows = jobs.ask("unfinished", statement).rows
    latest: dict[tuple[date, date], str] = {}
    for row in rows:
        if days := range_of(str(row["trigger_source"] or "")):
            latest[days] = max(latest.get(days, ""), str(row["trigger_source"]))
    held = list(locks)
    found = [
        _judge(settings, trigger, days, read_dates(settings, jobs, *days), rows, held, now)
        for days, trigger in latest.items()
    ]
    return sorted((backfill for backfill in found if backfill.left), key=lambda backfill: backfill.last_seen)


def locks_of(trigger: str, locks: Iterable[LockStatus]) -> list[LockStatus]:
    """The locks that runs of a backfill hold, or held when they died."""
    return [lock for lock in locks if lock.operation_id.endswith(f":{trigger}")]


def _judge(
    settings: Settings,
    trigger: str,
    days: tuple[date, date],
    states: Sequence[DateState],
    rows: Sequence[Mapping[str, Any]],
    locks: Sequence[LockStatus],
    now: datetime,
) -> UnfinishedBackfill:
    own = [row for row in rows if row["trigger_source"] == trigger]
    began = min(row["started_at"] for row in own)
    ended: dict[tuple[str, date], str] = defaultdict(str)
    for row in rows:
        # Of what others did only what they finished counts: if they failed, what was published stays.
        if row["started_at"] >= began and (row["trigger_source"] == trigger or row["status"] not in FAILURES):
            ended[(row["processor"], row["game_date"])] = row["status"]
    finished = {run for run, status in ended.items() if status and status not in FAILURES}
    names = names_of(trigger)
    left = sum(len(phase) for phase in left_of(states, [BY_NAME[name] for name in names], finished))
    held = locks_of(trigger, locks)
    last_seen = max(row["committed_at"] or row["started_at"] for row in own)
    silent = (now - last_seen).total_seconds()
    # A run may wait for someone else's lock, and holds none of its own meanwhile.
    patience = settings.lock_max_wait_seconds + settings.lock_lease_seconds
    return UnfinishedBackfill(
        trigger=trigger,
        start=days[0],
        end=days[1],
        processors=names,
        done=len({(row["processor"], row["game_date"]) for row in own if row["status"] not in FAILURES}),
        left=left,
        last_seen=last_seen,
        held=held,
        at_work=any(not lock.expired for lock in held) or (not held and silent < patience),
    )
