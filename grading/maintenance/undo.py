"""What can be undone: the dates that repairs have changed, by the backup made before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from grading.maintenance.backup import Backup
from grading.maintenance.repair_rows import RepairedState
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, literal, table

SQL = Folder("grading.maintenance.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What one repair command did, as `grading_runs` tells it: only what committed is in there."""

    backup: Backup
    table: str
    trigger: str
    dates: Mapping[date, RepairedState]
    rows_removed: int
    last_committed_at: datetime


def changes(settings: Settings, jobs: Jobs, name: str | None = None) -> list[Changed]:
    """Every repair with its backup, oldest first; only that of one backup where a name is given."""
    statement = SQL.fill(
        "repaired_dates",
        runs=table(settings.target("grading_runs")),
        backup_prefix=literal(name or "backup-"),
    )
    rows = jobs.ask("changes", statement).rows
    by_backup: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        by_backup.setdefault(str(row["backup"]), []).append(row)
    return [_changed(name, group) for name, group in by_backup.items()]


def _changed(name: str, rows: Sequence[Mapping[str, object]]) -> Changed:
    last = rows[-1]
    return Changed(
        backup=Backup.named(name),
        table=str(last["processor"]),
        trigger=str(last["trigger_source"]),
        # A date that was repaired twice is as the later run left it; rows come in the order of their commits.
        dates={
            day: RepairedState(str(row["run_id"]), _int(row["rows_inserted"]))
            for row in rows
            if isinstance(day := row["game_date"], date)
        },
        rows_removed=sum(_int(row["rows_deleted"]) - _int(row["rows_inserted"]) for row in rows),
        last_committed_at=max(at for row in rows if isinstance(at := row["committed_at"], datetime)),
    )


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
