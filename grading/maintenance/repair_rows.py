"""The rows that a repair publishes: a date without its copies, or a date as a backup has it.

Why a repair never undoes a grading run. It reads the fence first and the rows after, and its publish demands
the same fence: whatever fenced write lands after the first read changes token or run id, and the repair
stages again. So the rows read are those that the fence names, or newer ones that it will be refused for; this
needs no snapshot across tables. Its rows are as old as what it read, so it publishes with the token that it
found: a grading run staged in between has a greater one and still wins, and no event is taken for satisfied by
a repair. Writers that know no fence are noticed by the date's row count and newest timestamp, recorded by the
statement that reads the rows and compared inside the transaction.

A repair is measured against a backup. If the date holds rows that the backup lacks, someone wrote it since:
the repair leaves it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from foundation.errors import Permanent
from grading.batch import Batch
from grading.maintenance.backup import Backup
from grading.maintenance.repair_tables import RepairTable
from grading.run import Run
from grading.writing.staging import Base, Staged
from warehouse.columns import Column
from warehouse.statements import Folder, Sql, TablePath, columns, literal, table

SQL = Folder("grading.maintenance.sql")
GRADING_SQL = Folder("grading.sql")

_NOTED = ("rows_read", "newest_read")


class WrittenSince(Permanent):
    """The date was written after the backup was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A date beside its backup, in rows; `differing` counts distinct rows that one has more often."""

    rows_now: int
    rows_in_backup: int
    written_since: int
    differing: int


def _bases(batch: Batch) -> Mapping[date, Base]:
    """What the fence says of each date before its rows are read."""
    rows = batch.jobs.ask("fence", GRADING_SQL.fill("read_fence", **batch.values())).rows
    found = {row["lock_key"]: Base(int(row["token"]), row["run_id"] or "") for row in rows}
    return {run.date: found.get(run.lock_key, Base()) for run in batch}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeduplicatedRows:
    """The date with the earliest row of each key; rows out of the table's scope stay as they are.

    Raises `WrittenSince` if the date holds rows that the backup lacks.
    """

    repaired: RepairTable
    backup: Backup | None
    merge_differing: bool

    def stage(self, batch: Batch) -> Staged:
        bases = _bases(batch)
        if self.backup:
            for run in batch:
                found = compare(run, self.repaired, self.backup)
                if found.written_since:
                    raise _written_since(run, found, self.backup)
        values = values_of(batch, self.repaired, self.backup, merge_differing=self.merge_differing)
        return _stage(batch, bases, SQL.fill("deduplicated", **values))


@dataclass(frozen=True, slots=True)
class RepairedState:
    """What a repair left on a date: the run that the fence names, and how many rows there are."""

    run_id: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredRows:
    """The date as a backup has it, duplicates and all.

    `over` is what the repair published that is to be undone. Raises `WrittenSince` if the date is neither that
    nor without any row that the backup lacks: such rows would be lost. `overwrite` gives them up.
    """

    repaired: RepairTable
    backup: Backup
    over: RepairedState
    overwrite: bool = False

    def stage(self, batch: Batch) -> Staged:
        bases = _bases(batch)
        if not self.overwrite:
            for run in batch:
                found = compare(run, self.repaired, self.backup)
                left = RepairedState(bases[run.date].run_id, found.rows_now)
                if found.written_since and left != self.over:
                    raise _written_since(run, found, self.backup)
        values = values_of(batch, self.repaired, self.backup)
        return _stage(batch, bases, SQL.fill("restored", **values))


def compare(run: Run, repaired: RepairTable, backup: Backup) -> Comparison:
    """The date beside its backup, now."""
    statement = SQL.fill("compare", **values_of(Batch.of(run), repaired, backup), date=literal(run.date))
    found = run.jobs.ask("compare", statement).first
    return Comparison(**found)


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
        else f"CAST({'[]' if column.repeated else 'NULL'} AS {column.type}) AS {columns([column.name])}"
        for column in wanted
    ]
    return SQL.fill("aligned_backup", aligned=Sql(", ".join(parts)), backup=table(path))


def _written_since(run: Run, found: Comparison, backup: Backup) -> WrittenSince:
    return WrittenSince(
        f"{found.written_since} rows of {run.lock_key} were written after {backup.name} was made; they stay"
    )


def _stage(batch: Batch, bases: Mapping[date, Base], rows: Sql) -> Staged:
    batch.staging()
    into = batch.staging_table()
    job = batch.jobs.ask("stage", GRADING_SQL.fill("stage", staging=table(into), rows=rows))
    batch.staged(job)
    names = [column.name for column in batch.jobs.warehouse.columns(into, deadline=batch.deadline)]
    return Staged(
        table=into,
        token=max(base.token for base in bases.values()),
        columns=[name for name in names if name not in _NOTED],
        provenance=False,
        fence_check=SQL.file("fence_check_unchanged"),
        bases=bases,
        further_checks=(SQL.file("rows_unchanged"),),
        verbatim=True,
    )
