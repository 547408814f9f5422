"""What can be undone: the dates that repairs have changed, and the staging tables that were dropped, by backup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from foundation import commands, figures
from foundation.errors import InvalidSettings
from grading.maintenance.backup import Backup
from grading.maintenance.repair_rows import RepairedState
from grading.maintenance.repair_tables import REPAIR_TABLES
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.maintenance.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What one repair command did, as `grading_runs` records it: only what committed is in there.

    `rows` are the most that each date had, before or after.
    """

    backup: Backup
    table: str
    trigger: str
    dates: Mapping[date, RepairedState]
    rows: Mapping[date, int]
    rows_removed: int
    last_committed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoable:
    """A backup that is there, and what was done after it; `changed` is None if no date was changed."""

    backup: Backup
    changed: Changed | None

    @property
    def made_for(self) -> str:
        """The command that made it."""
        if self.changed:
            return self.changed.trigger
        return "dedupe" if self.backup.table in REPAIR_TABLES else "staging"

    @property
    def effect(self) -> str:
        """What undoing it does: a restore brings the duplicates of a repair back, a repair takes them away again."""
        if self.changed is None:
            if self.backup.table in REPAIR_TABLES:
                return "nothing: no date was changed"
            return "creates the dropped table anew"
        rows = abs(self.changed.rows_removed)
        if self.changed.rows_removed < 0:
            return f"repairs again: {figures.counted(rows, 'duplicate')} removed"
        return f"restores duplicates: {figures.counted(rows, 'row')} come back"


def backups(settings: Settings, jobs: Jobs) -> list[Undoable]:
    """Every backup that is there, newest first. Raises what `Warehouse.run` raises."""
    view = f"{settings.google_cloud_project}.{settings.staging_dataset}.INFORMATION_SCHEMA"
    rows = jobs.ask("backups", SQL.fill("backups", tables=Sql(f"`{view}.TABLES`"))).rows
    names = [str(row["table_name"]) for row in rows]
    changed = {found.backup.name: found for found in changes(settings, jobs)}
    found = [Undoable(backup=Backup.named(name), changed=changed.get(name)) for name in names if Backup.is_name(name)]
    return sorted(found, key=lambda undoable: undoable.backup.made_at, reverse=True)


def find_backup(settings: Settings, jobs: Jobs, name: str) -> Backup:
    """The backup of a name, short or whole, which is there.

    Raises:
        InvalidSettings: it is no name, there is no such backup, or several have this short name.
    """
    if Backup.is_name(name):
        named = Backup.named(name)
        if not jobs.warehouse.exists(named.path(settings)):
            raise InvalidSettings(f"there is no backup {name}: `{commands.UNDO}` lists them")
        return named
    if not Backup.is_short_name(name):
        raise InvalidSettings(f"{name!r} is not the name of a backup: `{commands.UNDO}` lists them")
    found = [known.backup for known in backups(settings, jobs) if known.backup.short == name]
    if not found:
        raise InvalidSettings(f"there is no backup {name}: `{commands.UNDO}` lists them")
    if len(found) > 1:
        raise InvalidSettings(f"several backups are called {name}: {', '.join(backup.name for backup in found)}")
    return found[0]


def changes(settings: Settings, jobs: Jobs, name: str | None = None) -> list[Changed]:
    """Every repair with its backup, oldest first; only that of one backup if a name is given."""
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
        rows={
            day: max(_int(row["rows_deleted"]), _int(row["rows_inserted"]))
            for row in rows
            if isinstance(day := row["game_date"], date)
        },
        rows_removed=sum(_int(row["rows_deleted"]) - _int(row["rows_inserted"]) for row in rows),
        last_committed_at=max(at for row in rows if isinstance(at := row["committed_at"], datetime)),
    )


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
