"""The rows that a repair publishes: a date without its copies, or a date as a backup has it.

Why a repair never undoes a grading run. It reads the fence first and the rows after, and its publish demands
the same fence: whatever fenced write lands after the first read changes token or run id, and the repair
stages again. So the rows read are those that the fence names, or newer ones that it will be refused for; this
needs no snapshot across tables. Its rows are as old as what it read, so it publishes with the token that it
found: a grading run staged in between has a greater one and still wins, and no event is taken for satisfied by
a repair. Writers that know no fence are noticed by the date's row count and newest timestamp, recorded by the
statement that reads the rows and compared inside the transaction.

A repair is measured against a backup. If a date holds rows that the backup lacks, someone wrote it since:
the repair leaves that date alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from grading.batch import Batch
from grading.maintenance.backup import Backup
from grading.maintenance.comparison import Comparison, WrittenSince, compare, values_of
from grading.maintenance.repair_tables import RepairTable
from grading.writing.staging import Base, LeftOut, Staged
from warehouse.statements import Folder, Sql, table

SQL = Folder("grading.maintenance.sql")
GRADING_SQL = Folder("grading.sql")

_NOTED = ("rows_read", "newest_read")


def _bases(batch: Batch) -> Mapping[date, Base]:
    """What the fence says of each date before its rows are read."""
    rows = batch.jobs.ask("fence", GRADING_SQL.fill("read_fence", **batch.values())).rows
    found = {row["lock_key"]: Base(int(row["token"]), row["run_id"] or "") for row in rows}
    return {run.date: found.get(run.lock_key, Base()) for run in batch}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeduplicatedRows:
    """Each date with the earliest row of each key; rows out of the table's scope stay as they are.

    A date that holds rows that the backup lacks is left out, as `WrittenSince`.
    """

    repaired: RepairTable
    backup: Backup | None
    merge_differing: bool

    def stage(self, batch: Batch) -> Staged:
        bases = _bases(batch)
        if self.backup:
            found = compare(batch, self.repaired, self.backup)
            _leave_out([day for day in batch.days if found[day].written_since], found, self.backup)
        values = values_of(batch, self.repaired, self.backup, merge_differing=self.merge_differing)
        return _stage(batch, bases, SQL.fill("deduplicated", **values))


@dataclass(frozen=True, slots=True)
class RepairedState:
    """What a repair left on a date: the run that the fence names, and how many rows there are."""

    run_id: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredRows:
    """Each date as a backup has it, duplicates and all.

    `over` is what the repair published, by date, that is to be undone. A date that is neither that nor without any row
    that the backup lacks is left out, as `WrittenSince`: such rows would be lost. `overwrite` gives them up.
    """

    repaired: RepairTable
    backup: Backup
    over: Mapping[date, RepairedState]
    overwrite: bool = False

    def stage(self, batch: Batch) -> Staged:
        bases = _bases(batch)
        if not self.overwrite:
            found = compare(batch, self.repaired, self.backup)
            left = {day: RepairedState(bases[day].run_id, found[day].rows_now) for day in batch.days}
            written = [day for day in batch.days if found[day].written_since]
            _leave_out([day for day in written if left[day] != self.over[day]], found, self.backup)
        values = values_of(batch, self.repaired, self.backup)
        return _stage(batch, bases, SQL.fill("restored", **values))


def _leave_out(days: Sequence[date], found: Mapping[date, Comparison], backup: Backup) -> None:
    """Have these dates left out, if there are any: someone wrote them since the backup was made."""
    if days:
        raise LeftOut(
            {
                day: WrittenSince(
                    f"{found[day].written_since} rows of {day} were written after {backup.name} was made; they stay"
                )
                for day in days
            }
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
        rows_moved=SQL.file("rows_moved"),
        verbatim=True,
    )
