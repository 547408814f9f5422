"""One date's rows in a table of the service and in another table, such as the old system's. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foundation.errors import InvalidSettings
from foundation.figures import trimmed
from grading.maintenance.repair_tables import PROVENANCE, differing
from grading.run import Run
from grading.writing.adapt import same_type
from warehouse.columns import NUMBERS, Column
from warehouse.statements import Folder, Sql, TablePath, columns, key_texts, table

SQL = Folder("grading.maintenance.sql")

_NUMERIC = Column("", "NUMERIC", required=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """A business key that the two tables do not have alike. `columns` are those that differ, if both have it.

    `key` names its columns; `values` is the same for a reader who knows the date.
    """

    key: str
    values: str
    kind: str
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class GradesCompared:
    """The differences of a date, and the columns that were compared or are in one table alone."""

    differences: Sequence[Difference]
    compared: Sequence[str]
    not_compared: Sequence[str]

    @property
    def by_kind(self) -> Mapping[str, int]:
        return Counter(difference.kind for difference in self.differences)

    @property
    def by_column(self) -> Mapping[str, int]:
        """How many keys differ in each column, the most frequent first."""
        counted = Counter(name for difference in self.differences for name in difference.columns)
        return dict(counted.most_common())


def compare_grades(run: Run, other: TablePath) -> GradesCompared:
    """Compare the run's date in its table with the same date of `other`, by business key.

    Columns of one name and type are compared, without those that tell when and by which run a row was written;
    numbers to the decimals that the coarser of the two keeps. Raises `InvalidSettings` if `other` lacks a key column.
    """
    theirs = {column.name.lower(): column for column in run.jobs.warehouse.columns(other)}
    ours = run.jobs.warehouse.columns(run.target)
    key = list(dict.fromkeys([run.processor.partition_column, *run.processor.business_key]))
    if missing := [name for name in key if name not in theirs]:
        raise InvalidSettings(f"{other} has no column {', '.join(missing)}: it cannot be compared with {run.target}")
    left_out = {run.processor.written_at, *PROVENANCE}
    pairs = [
        (column, theirs[column.name.lower()])
        for column in ours
        if column.name.lower() in theirs and column.name not in left_out
        if same_type(column, theirs[column.name.lower()]) or {column.base, theirs[column.name.lower()].base} <= NUMBERS
    ]
    compared = [column.name for column, _ in pairs]
    statement = SQL.fill(
        "compare_grades",
        **{**run.values(), "key_texts": key_texts(key, "target")},
        key=columns(key),
        other=table(other),
        comparable_columns=_read(pairs, 0),
        other_columns=_read(pairs, 1),
        differing_columns=differing(
            Column(column.name, "STRING", required=False) for column, _ in pairs if column.name not in key
        ),
    )
    rows = run.jobs.ask("compare", statement).rows
    either = {column.name for column in ours} ^ {column.name for column in theirs.values()}
    return GradesCompared([_difference(row, key) for row in rows], compared, sorted(either - left_out))


def _read(pairs: Sequence[tuple[Column, Column]], which: int) -> Sql:
    parts = []
    for pair in pairs:
        name = columns([pair[0].name]).text
        parts.append(f"{_value(pair, which)} AS {name}")
    return Sql(", ".join(parts))


def _value(pair: tuple[Column, Column], which: int) -> str:
    column = pair[which]
    decimals = [one.decimals if one.decimals is not None else 6 for one in pair]
    if column.base in NUMBERS and (pair[0].type != pair[1].type):
        return f"ROUND({_NUMERIC.cast(columns([column.name]).text, column)}, {min(decimals)})"
    return column.comparable().text


def _difference(row: Mapping[str, object], key: Sequence[str]) -> Difference:
    found = {name: "NULL" if row[name] is None else trimmed(str(row[name])) for name in key}
    named = ", ".join(f"{name}={value}" for name, value in found.items())
    values = " ".join(value for name, value in found.items() if name != key[0])
    kind = str(row["kind"])
    return Difference(named, values, kind, str(row["differs_in"]).split() if kind == "differs" else ())
