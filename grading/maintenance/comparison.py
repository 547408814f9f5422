"""Dates beside a backup of their table: what was written since, and whether a repair did what it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from foundation.errors import GradingError, Permanent
from grading.batch import Batch
from grading.maintenance.backup import Backup
from grading.maintenance.repair_tables import RepairTable
from warehouse.columns import Column
from warehouse.statements import Folder, Sql, TablePath, columns, table

SQL = Folder("grading.maintenance.sql")


class WrittenSince(Permanent):
    """The date was written after the backup was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A date beside its backup, in rows; `differing` counts distinct rows that one has more often."""

    rows_now: int = 0
    rows_in_backup: int = 0
    written_since: int = 0
    differing: int = 0


def compare(batch: Batch, repaired: RepairTable, backup: Backup) -> Mapping[date, Comparison]:
    """Each date of the batch beside its backup, now, in one query. A date without rows in either is equal."""
    rows = batch.jobs.ask("compare", SQL.fill("compare", **values_of(batch, repaired, backup))).rows
    found = {row["day"]: Comparison(**{name: row[name] for name in _COUNTS}) for row in rows}
    return {day: found.get(day, Comparison()) for day in batch.days}


_COUNTS = ("rows_now", "rows_in_backup", "written_since", "differing")


def wrong_keys(batch: Batch, repaired: RepairTable, backup: Backup, *, merge_differing: bool) -> Mapping[date, str]:
    """What a deduplication did wrong, by date and in words; empty for a date that is as it should be."""
    values = values_of(batch, repaired, backup, merge_differing=merge_differing)
    found = {row["day"]: row for row in batch.jobs.ask("verify", SQL.fill("verify", **values)).rows}
    wrong = {}
    for day in batch.days:
        if day not in found:
            wrong[day] = "none of the keys is there"
        elif count := found[day]["wrong_keys"]:
            wrong[day] = f"{count} of {found[day]['keys']} keys are not as they should be"
        else:
            wrong[day] = ""
    return wrong


def not_restored(batch: Batch, repaired: RepairTable, backup: Backup) -> Mapping[date, str | GradingError]:
    """What an undo did wrong, by date and in words; `WrittenSince` if someone else wrote the date since."""
    return {day: _not_restored(found, backup) for day, found in compare(batch, repaired, backup).items()}


def _not_restored(found: Comparison, backup: Backup) -> str | GradingError:
    if found.written_since:
        return WrittenSince(f"{found.written_since} rows were written; they stay")
    return f"{found.differing} rows are not as in {backup.name}" if found.differing else ""


def values_of(
    batch: Batch, repaired: RepairTable, backup: Backup | None, *, merge_differing: bool = True
) -> Mapping[str, Sql]:
    """What a repair fills into the files of `grading/maintenance/sql`."""
    warehouse, days = batch.jobs.warehouse, batch.days
    known = warehouse.columns(batch.target, deadline=batch.deadline)
    values = {
        **batch.values(),
        **repaired.values(batch.settings, known, merge_differing=merge_differing, start=days[0], end=days[-1]),
    }
    if not backup:
        return values
    path = backup.path(batch.settings)
    return {**values, "backup": aligned(path, warehouse.columns(path), known)}


def aligned(path: TablePath, has: Sequence[Column], wanted: Sequence[Column]) -> Sql:
    """A backup with the columns that its table has now: later ones are NULL, those gone since are left out.

    Arrays are read as empty, not NULL: so BigQuery stores them.
    """
    names = {column.name.lower() for column in has}
    if names == {column.name.lower() for column in wanted}:
        return table(path)
    parts = [
        columns([column.name]).text
        if column.name.lower() in names
        else f"CAST({'[]' if column.repeated else 'NULL'} AS {column.bare_type}) AS {columns([column.name])}"
        for column in wanted
    ]
    return SQL.fill("aligned_backup", aligned=Sql(", ".join(parts)), backup=table(path))
