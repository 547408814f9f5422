"""Staging: the new rows of a date, computed or loaded where no reader looks, and checked there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from foundation import figures
from foundation.errors import InvalidRow, StatementRefused
from grading.coverage import coverage_of
from grading.covers import covered, covers_grades
from grading.outcome import Coverage, KeyChange, SecondChoices
from grading.processors import GRADING
from grading.run import Run, fence_of
from grading.writing.adapt import Sources, adapted, holds_values
from grading.writing.declared import declared
from grading.writing.input_state import LastWrites, counted, note_counts
from grading.writing.rules import rules_of
from warehouse.columns import Column
from warehouse.statements import Folder, Sql, SqlFile, TablePath, literal, table

SQL = Folder("grading.sql")


_NEWEST = SQL.file("fence_check_newest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A filled staging table.

    `token` is the creation time of the job that filled it, in the server's milliseconds: a lower bound of the
    snapshot that it read, so a greater token never has older data. `fence_check` (cases) and
    `further_checks` (statements) name the SQL that decides inside the transaction whether these rows may still
    be published. `verbatim` rows are published as they are, also where several have one key: who staged them has
    decided which to keep. `covering` is a table with the fingerprint of the grades that the rows were computed from
    (see `grading.covers`). `graded` rows are the predictions of the date that have a box score, so that the others
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
    covering: TablePath | None = None
    carried: Sequence[Column] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What was staged, beside what the date has and, for graded rows, what there was to grade."""

    staged_rows: int
    staged_keys: int
    duplicate_keys: int
    rows_off_date: int
    present_rows: int
    present_keys: int
    keys: KeyChange
    second_choices: SecondChoices = field(default_factory=SecondChoices)
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
        covering = into.sibling(f"{into.table}_covers") if covers_grades(run.processor) else None
        last_writes = LastWrites(run)
        job = run.jobs.ask("stage", self._statement(run, into, covering))
        run.trace.staged(job)
        last_writes.note()
        names = [column.name for column in run.jobs.warehouse.columns(into, deadline=run.deadline)]
        return Staged(
            table=into,
            token=job.created_ms,
            columns=names,
            graded=run.processor.reads_predictions,
            covering=covering,
            carried=self.carried,
        )

    def _statement(self, run: Run, into: TablePath, covering: TablePath | None) -> Sql:
        if covering is None:
            return SQL.fill("stage", staging=table(into), rows=self.select)
        first, last = covered(run.processor, run.date)
        return SQL.fill(
            "stage_covering",
            staging=table(into),
            rows=self.select,
            covering=table(covering),
            grades_fence=table(fence_of(run.settings.target(GRADING.name))),
            first_key=literal(first.isoformat()),
            last_key=literal(last.isoformat()),
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
        run.trace.staged(job)
        own = declared(run.processor.name).names
        carried = [c for c in self.target_columns if c.name not in given and c.name not in own]
        if not carried:
            return Staged(table=into, token=job.created_ms, columns=[column.name for column in columns])
        return self._with_carried(run, into, job.created_ms, carried)

    def _with_carried(self, run: Run, given: TablePath, token: int, carried: Sequence[Column]) -> Staged:
        """The same rows with what the rows that they replace have in columns that were not given."""
        into = run.staging_table()
        target = run.jobs.warehouse.describe(run.target, deadline=run.deadline)
        names = [column.name for column in run.jobs.warehouse.columns(given, deadline=run.deadline)]
        rows = SQL.fill("all_rows", staging=table(given))
        select = adapted(run, rows, target, Sources({}, tuple(carried)), names)
        run.jobs.ask("stage", SQL.fill("stage", staging=table(into), rows=select))
        run.jobs.warehouse.drop(given, deadline=run.deadline)
        return Staged(
            table=into, token=token, columns=[*names, *(column.name for column in carried)], carried=tuple(carried)
        )


def measure(run: Run, staged: Staged) -> Measure:
    """Count what was staged, in one query. Raises `StatementRefused` where a row belongs to another date."""
    values = run.values()
    statement = SQL.fill("measure_staging", staging=table(staged.table), **values)
    if staged.graded:
        coverage = SQL.fill("coverage", **{**values, **rules_of(run)})
        statement = SQL.fill("measure_graded", staging=table(staged.table), measured=statement, coverage=coverage)
    statement = SQL.fill("measure_found", **values, measured=statement, input_rows=counted(run))
    job = run.jobs.ask("measure", statement)
    counts = job.first
    run.trace.measured(job)
    run.trace.found(counts["found_run_id"], counts["found_token"])
    note_counts(run, counts)
    measured = Measure(
        staged_rows=counts["staged_rows"],
        staged_keys=counts["staged_keys"],
        duplicate_keys=counts["duplicate_keys"],
        rows_off_date=counts["rows_off_date"],
        present_rows=counts["present_rows"],
        present_keys=counts["present_keys"],
        keys=KeyChange(
            added=counts["keys_added"], removed=counts["keys_removed"], removed_names=_names(counts["removed_keys"])
        ),
        second_choices=_second_choices(counts) if staged.graded else SecondChoices(),
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


def lost_values(run: Run, staged: Staged) -> int:
    """The rows of the date whose values in `carried` columns the publish would lose: their keys are not staged."""
    statement = SQL.fill(
        "lost_values", staging=table(staged.table), holds_values=holds_values(staged.carried), **run.values()
    )
    return int(run.jobs.ask("lost", statement).first["lost_rows"])


def _second_choices(counts: Mapping[str, Any]) -> SecondChoices:
    return SecondChoices(
        box_scores=counts["box_scores_differing"],
        game_ids=counts["game_ids_differing"],
        confidences=counts["confidence_out_of_range"],
        box_score_names=_names(counts["differing_box_scores"]),
        game_id_names=_names(counts["differing_game_ids"]),
    )


def _names(lines: str | None) -> tuple[str, ...]:
    return tuple(sorted(map(figures.trimmed, lines.split("\n")))) if lines else ()
