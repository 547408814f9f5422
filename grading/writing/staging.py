"""Staging: the new rows of a batch, computed or loaded where no reader looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from foundation.errors import GradingError, InvalidRow
from grading.batch import Batch
from grading.covers import covered, covers_grades
from grading.processors import GRADING
from grading.run import fence_of
from grading.writing.adapt import Sources, adapted
from grading.writing.declared import declared
from grading.writing.input_state import LastWrites
from grading.writing.inputs import OptionalInput
from grading.writing.rules import Computed, compute, looked_at
from warehouse.columns import Column
from warehouse.statements import Folder, Sql, SqlFile, TablePath, literal, rows_array, table

SQL = Folder("grading.sql")

_NEWEST = SQL.file("fence_check_newest")


@dataclass(frozen=True, slots=True)
class Base:
    """What the fence said of a date before a repair read its rows; token 0 if the date was never published."""

    token: int = 0
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A filled staging table.

    `token` is the creation time of the job that filled it, in the server's milliseconds: a lower bound of the
    snapshot that it read, so a greater token never has older data. It is the token of each date, except for repairs:
    their `bases` say what each date's rows were read from. `fence_check` (cases) and `rows_moved` (a query of the dates
    whose rows are not those that were read) are the SQL that decides inside the transaction whether these rows may
    still be published. `verbatim` rows are published as they are, also where several have one key: who staged them has
    decided which to keep. `covering` is a table with the fingerprint of the grades that the rows were computed from, by
    date (see `grading.covers`). Graded rows are the predictions of the dates that have a box score: by the `rules` that
    they were computed by, the others are counted beside them. `carried` are columns that keep the values of the rows
    that are replaced. `computed` rows can be computed by anyone.
    """

    table: TablePath
    token: int
    columns: Sequence[str]
    provenance: bool = True
    fence_check: SqlFile = _NEWEST
    rows_moved: SqlFile | None = None
    verbatim: bool = False
    rules: Mapping[str, Sql] | None = None
    bases: Mapping[date, Base] = field(default_factory=dict)
    covering: TablePath | None = None
    carried: Sequence[Column] = ()
    computed: bool = False

    def token_of(self, day: date) -> int:
        """The data token that a date is published with."""
        return self.bases[day].token if self.bases else self.token


class LeftOut(Exception):
    """Raised instead of staging: these dates may not be written, and why. The others of the batch may be staged."""

    def __init__(self, errors: Mapping[date, GradingError]) -> None:
        super().__init__("; ".join(map(str, errors.values())))
        self.errors = errors


class RowSource(Protocol):
    """Fills one staging table with the rows of a batch. Raises `LeftOut` if some of its dates may not be written."""

    def stage(self, batch: Batch) -> Staged: ...


@dataclass(frozen=True, slots=True)
class QueriedRows:
    """Rows computed in the warehouse by one SELECT. Python never sees them."""

    computed: Computed
    last_writes: LastWrites | None = None

    def stage(self, batch: Batch) -> Staged:
        batch.staging()
        into = batch.staging_table()
        covering = into.sibling(f"{into.table}_covers") if covers_grades(batch.processor) else None
        last_writes = self.last_writes or LastWrites(batch, self.computed.last_writes)
        job = batch.jobs.ask("stage", self._statement(batch, into, covering))
        batch.staged(job)
        last_writes.note(self.computed.last_writes)
        return Staged(
            table=into,
            token=job.created_ms,
            columns=self.computed.columns,
            rules=self.computed.rules,
            covering=covering,
            carried=self.computed.carried,
            computed=True,
        )

    def _statement(self, batch: Batch, into: TablePath, covering: TablePath | None) -> Sql:
        if covering is None:
            return SQL.fill("stage", staging=table(into), rows=self.computed.select)
        return SQL.fill(
            "stage_covering",
            staging=table(into),
            rows=self.computed.select,
            covering=table(covering),
            grades_fence=table(fence_of(batch.settings.target(GRADING.name))),
            asked=_asked(batch),
        )


def _asked(batch: Batch) -> Sql:
    """The fence's keys of the grades that each date covers, from the first to the last."""
    windows = [(day, *covered(batch.processor, day)) for day in batch.days]
    rows = [(literal(day), literal(first.isoformat()), literal(last.isoformat())) for day, first, last in windows]
    return rows_array({"day": "DATE", "first_key": "STRING", "last_key": "STRING"}, rows)


@dataclass(frozen=True, slots=True)
class ComputedRows:
    """The rows of a processor, computed anew at each staging. `tell` receives the optional inputs, read or absent."""

    tell: Callable[[Sequence[OptionalInput]], None]

    def stage(self, batch: Batch) -> Staged:
        # What it asks for is answered beside what is looked at here: none of it waits for the staging job.
        last_writes = LastWrites(batch, looked_at(batch))
        computed = compute(batch)
        self.tell(computed.optional)
        return QueriedRows(computed, last_writes).stage(batch)


@dataclass(frozen=True, slots=True)
class GivenRows:
    """Rows given from Python, already checked against the target's columns (see `grading.writing.rows`)."""

    rows: Sequence[Mapping[str, Any]]
    target_columns: Sequence[Column]

    def stage(self, batch: Batch) -> Staged:
        batch.staging()
        into = batch.staging_table()
        given = {name for row in self.rows for name in row}
        loaded = [column for column in self.target_columns if column.name in given]
        if not loaded:
            raise InvalidRow(f"no rows were given for {batch.name}: the date keeps what it has")
        job = batch.jobs.load("load", self.rows, into, loaded)
        batch.staged(job)
        names = [column.name for column in loaded]
        own = declared(batch.processor.name).names
        carried = [c for c in self.target_columns if c.name not in given and c.name not in own]
        if not carried:
            return Staged(table=into, token=job.created_ms, columns=names)
        return self._with_carried(batch, into, job.created_ms, names, carried)

    @staticmethod
    def _with_carried(
        batch: Batch, given: TablePath, token: int, names: Sequence[str], carried: Sequence[Column]
    ) -> Staged:
        """The same rows with what the rows that they replace have in columns that were not given."""
        into = batch.staging_table()
        warehouse = batch.jobs.warehouse
        target = warehouse.describe(batch.target, deadline=batch.deadline)
        rows = SQL.fill("all_rows", staging=table(given))
        select = adapted(batch, rows, target, Sources({}, tuple(carried)), names)
        batch.jobs.ask("stage", SQL.fill("stage", staging=table(into), rows=select))
        warehouse.drop(given, deadline=batch.deadline)
        return Staged(
            table=into, token=token, columns=[*names, *(column.name for column in carried)], carried=tuple(carried)
        )


def keep_one_per_key(batch: Batch, staged: Staged) -> None:
    """Rewrite the staging table with one row per business key, by the processor's `keep_order`."""
    statement = SQL.fill("keep_one_per_key", staging=table(staged.table), **batch.values())
    batch.jobs.ask("keep-one", statement)
