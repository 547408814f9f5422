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

from foundation.errors import Permanent
from grading.maintenance.backup import Backup
from grading.maintenance.repair_tables import RepairTable
from grading.run import Run
from grading.writing.staging import Staged
from warehouse.columns import Column
from warehouse.statements import Folder, Sql, TablePath, columns, table

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


@dataclass(frozen=True, slots=True)
class _Fence:
    """What the fence said before the rows were read; token 0 if the date was never published."""

    token: int
    run_id: str

    @classmethod
    def read(cls, run: Run) -> _Fence:
        statement = GRADING_SQL.fill("read_fence", **run.values())
        rows = run.jobs.ask("fence", statement).rows
        return cls(int(rows[0]["token"]), rows[0]["run_id"] or "") if rows else cls(0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeduplicatedRows:
    """The date with the earliest row of each key; rows out of the table's scope stay as they are.

    Raises `WrittenSince` if the date holds rows that the backup lacks.
    """

    repaired: RepairTable
    backup: Backup | None
    merge_differing: bool

    def stage(self, run: Run) -> Staged:
        fence = _Fence.read(run)
        if self.backup:
            found = compare(run, self.repaired, self.backup)
            if found.written_since:
                raise _written_since(run, found, self.backup)
        values = values_of(run, self.repaired, self.backup, merge_differing=self.merge_differing)
        return _stage(run, fence, SQL.fill("deduplicated", **values))


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

    def stage(self, run: Run) -> Staged:
        fence = _Fence.read(run)
        if not self.overwrite:
            found = compare(run, self.repaired, self.backup)
            if found.written_since and RepairedState(fence.run_id, found.rows_now) != self.over:
                raise _written_since(run, found, self.backup)
        values = values_of(run, self.repaired, self.backup)
        return _stage(run, fence, SQL.fill("restored", **values))


def compare(run: Run, repaired: RepairTable, backup: Backup) -> Comparison:
    """The date beside its backup, now."""
    statement = SQL.fill("compare", **values_of(run, repaired, backup))
    found = run.jobs.ask("compare", statement).first
    return Comparison(**found)


def values_of(
    run: Run, repaired: RepairTable, backup: Backup | None, *, merge_differing: bool = True
) -> Mapping[str, Sql]:
    """What a repair fills into the files of `grading/maintenance/sql`."""
    known = run.jobs.warehouse.columns(run.target, deadline=run.deadline)
    values = {
        **run.values(),
        **repaired.values(run.settings, known, merge_differing=merge_differing, start=run.date, end=run.date),
    }
    if not backup:
        return values
    path = backup.path(run.settings)
    return {**values, "backup": aligned(path, run.jobs.warehouse.columns(path), known)}


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


def _stage(run: Run, fence: _Fence, rows: Sql) -> Staged:
    into = run.staging_table()
    statement = GRADING_SQL.fill("stage", staging=table(into), rows=rows)
    run.trace.staged(run.jobs.ask("stage", statement))
    names = [column.name for column in run.jobs.warehouse.columns(into, deadline=run.deadline)]
    return Staged(
        table=into,
        token=fence.token,
        columns=[name for name in names if name not in _NOTED],
        provenance=False,
        fence_check=SQL.file("fence_check_unchanged"),
        expected_run_id=fence.run_id,
        further_checks=(SQL.file("rows_unchanged"),),
        verbatim=True,
    )
