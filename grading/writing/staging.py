"""Staging: the new rows of a date, computed or loaded where no reader looks, and checked there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from foundation.errors import InvalidRow, StatementRefused
from grading.coverage import coverage_of
from grading.outcome import Coverage
from grading.run import Run
from grading.writing.adapt import Sources, adapted, holds_values
from grading.writing.declared import declared
from grading.writing.inputs import inputs
from warehouse.columns import Column
from warehouse.statements import Folder, Sql, SqlFile, TablePath, table

SQL = Folder("grading.sql")


_NEWEST = SQL.file("fence_check_newest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A filled staging table.

    `token` is the creation time of the job that filled it, in the server's milliseconds: a lower bound of the
    snapshot that it read, so a greater token never has older data. `fence_check` (cases) and
    `further_checks` (statements) name the SQL that decides inside the transaction whether these rows may still
    be published. `verbatim` rows are published as they are, also where several have one key: who staged them has
    decided which to keep. `graded` rows are the predictions of the date that have a box score, so that the others
    can be counted beside them. `carried` are columns that keep the values of the rows that are replaced.
    """

    table: TablePath
    token: int
    columns: Sequence[str]
    provenance: bool = True
    fence_check: SqlFile = _NEWEST
    further_checks: Sequence[SqlFile] = ()
    verbatim: bool = False
    graded: bool = False
    expected_run_id: str = ""
    carried: Sequence[Column] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What was staged, beside what the date has and, for graded rows, what there was to grade."""

    staged_rows: int
    staged_keys: int
    duplicate_keys: int
    rows_off_date: int
    present_rows: int
    coverage: Coverage | None = None


class RowSource(Protocol):
    """Fills one staging table."""

    def stage(self, run: Run) -> Staged: ...


@dataclass(frozen=True, slots=True)
class QueriedRows:
    """Rows computed in the warehouse by one SELECT. Python never sees them."""

    select: Sql
    carried: Sequence[Column] = ()

    def stage(self, run: Run) -> Staged:
        into = run.staging_table()
        statement = SQL.fill("stage", staging=table(into), rows=self.select)
        job = run.jobs.ask("stage", statement)
        names = [column.name for column in run.jobs.warehouse.columns(into)]
        return Staged(
            table=into,
            token=job.created_ms,
            columns=names,
            graded=run.processor.reads_predictions,
            carried=self.carried,
        )


@dataclass(frozen=True, slots=True)
class GivenRows:
    """Rows given from Python, already checked against the target's columns (see `grading.writing.rows`)."""

    rows: Sequence[Mapping[str, Any]]
    target_columns: Sequence[Column]

    def stage(self, run: Run) -> Staged:
        into = run.staging_table()
        given = {name for row in self.rows for name in row}
        columns = [column for column in self.target_columns if column.name in given]
        if not columns:
            raise InvalidRow(f"no rows were given for {run.lock_key}: the date keeps what it has")
        job = run.jobs.load("load", self.rows, into, columns)
        own = declared(run.processor.name).names
        carried = [c for c in self.target_columns if c.name not in given and c.name not in own]
        if not carried:
            return Staged(table=into, token=job.created_ms, columns=[column.name for column in columns])
        return self._with_carried(run, into, job.created_ms, carried)

    def _with_carried(self, run: Run, given: TablePath, token: int, carried: Sequence[Column]) -> Staged:
        """The same rows with what the rows that they replace have in columns that were not given."""
        into = run.staging_table()
        target = run.jobs.warehouse.describe(run.target)
        names = [column.name for column in run.jobs.warehouse.columns(given)]
        rows = SQL.fill("all_rows", staging=table(given))
        select = adapted(run, rows, target, Sources({}, tuple(carried)), names)
        run.jobs.ask("stage", SQL.fill("stage", staging=table(into), rows=select))
        run.jobs.warehouse.drop(given)
        return Staged(
            table=into, token=token, columns=[*names, *(column.name for column in carried)], carried=tuple(carried)
        )


def measure(run: Run, staged: Staged) -> Measure:
    """Count what was staged, in one query. Raises `StatementRefused` where a row belongs to another date."""
    values = run.values()
    statement = SQL.fill("measure_staging", staging=table(staged.table), **values)
    if staged.graded:
        coverage = SQL.fill("coverage", **values, **inputs(run.settings, run.jobs.warehouse))
        statement = SQL.fill("measure_graded", measured=statement, coverage=coverage)
    counts = run.jobs.ask("measure", statement).first
    measured = Measure(
        staged_rows=counts["staged_rows"],
        staged_keys=counts["staged_keys"],
        duplicate_keys=counts["duplicate_keys"],
        rows_off_date=counts["rows_off_date"],
        present_rows=counts["present_rows"],
        coverage=coverage_of(counts, counts["staged_keys"]) if staged.graded else None,
    )
    if measured.rows_off_date:
        raise StatementRefused(
            f"{measured.rows_off_date} staged rows of {run.processor.name} do not belong to {run.lock_key}: "
            f"nothing was published; check grading/sql/{run.processor.name}.sql"
        )
    return measured


def keep_one_per_key(run: Run, staged: Staged) -> None:
    """Rewrite the staging table with one row per business key, by the processor's `keep_order`."""
    statement = SQL.fill("keep_one_per_key", staging=table(staged.table), **run.values())
    run.jobs.ask("keep-one", statement)


def present_keys(run: Run) -> int:
    """The distinct business keys that the date has now."""
    statement = SQL.fill("present_keys", **run.values())
    return int(run.jobs.ask("present", statement).first["present_keys"])


def lost_values(run: Run, staged: Staged) -> int:
    """The rows of the date whose values in `carried` columns the publish would lose: their keys are not staged."""
    statement = SQL.fill(
        "lost_values", staging=table(staged.table), holds_values=holds_values(staged.carried), **run.values()
    )
    return int(run.jobs.ask("lost", statement).first["lost_rows"])
