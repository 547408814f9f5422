"""SQL statements: loaded by name from `.sql` files, filled with typed values only.

A value reaches a statement through one of the constructors here (`table`, `columns`, `literal`, `SqlFile.fill`),
never as plain text: each validates or escapes what it is given. Literals are used instead of query
parameters because a multi-statement script must read the same to every engine that runs it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from string import Template

from foundation.errors import InvalidSettings
from foundation.text import valid

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_PROJECT = re.compile(r"[a-z][a-z0-9.:-]{0,80}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_NOT_PLAIN = re.compile(r"""[^ -~]|['"\\`]""")
_TABLE = re.compile(r"[A-Za-z0-9_-]{1,1024}")

# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS
        CUBE CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE
        FETCH FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL
        INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER
        OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME
        STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN""",
    )
)

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sql:
    """Text that is safe to send. Made only by this module's constructors."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class TablePath:
    """`project.dataset.table`, each part valid for BigQuery (raises `InvalidSettings` otherwise)."""

    project: str
    dataset: str
    table: str

    def __post_init__(self) -> None:
        for part, pattern in ((self.project, _PROJECT), (self.dataset, _DATASET), (self.table, _TABLE)):
            if not pattern.fullmatch(part):
                raise InvalidSettings(f"{part!r} in the table name {self!s} is not a valid BigQuery name")

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"

    def sibling(self, table: str) -> TablePath:
        """Another table of the same dataset."""
        return TablePath(self.project, self.dataset, table)


def table(path: TablePath) -> Sql:
    """A quoted table path."""
    return Sql(f"`{path}`")


def columns(names: Iterable[str]) -> Sql:
    """Column names, separated by commas. Raises `InvalidSettings` for a name that is no identifier."""
    checked = list(names)
    for name in checked:
        if not _IDENTIFIER.fullmatch(name):
            raise InvalidSettings(f"{name!r} is not a valid column name")
    return Sql(", ".join(f"`{name}`" if name.upper() in _RESERVED else name for name in checked))


def literal(value: str | int | bool | date | datetime | None) -> Sql:
    """A typed literal. Raises `ValueError` for a type that has none, an int outside INT64, a naive datetime."""
    match value:
        case None:
            return Sql("NULL")
        case bool():
            return Sql("TRUE" if value else "FALSE")
        case int():
            if not INT64_MIN <= value <= INT64_MAX:
                raise ValueError(f"{value} does not fit INT64")
            return Sql(str(value))
        case str():
            return Sql(f"'{_escape(value)}'")
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"{value!r} has no time zone")
            try:
                moment = value.astimezone(UTC)
            except OverflowError as error:
                raise ValueError(f"{value!r} lies outside the years 1 to 9999 in UTC") from error
            return Sql(f"TIMESTAMP '{moment.replace(tzinfo=None).isoformat(' ', 'microseconds')}+00:00'")
        case date():
            return Sql(f"DATE '{value.isoformat()}'")
    raise ValueError(f"no SQL literal for {type(value).__name__}")


def number(value: float) -> Sql:
    """A FLOAT64 literal. Raises `ValueError` for one that is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return Sql(repr(value))


def dates_array(days: Iterable[date]) -> Sql:
    """An array of dates, which may be empty."""
    return Sql(f"CAST([{', '.join(literal(day).text for day in days)}] AS ARRAY<DATE>)")


def dates_list(days: Iterable[date]) -> Sql:
    """Dates as a list for IN: BigQuery reads the partitions of constants, and no others
    (https://cloud.google.com/bigquery/docs/querying-partitioned-tables)."""
    return Sql(", ".join(literal(day).text for day in days))


def on_days(days: Collection[date]) -> Sql:
    """What says of a column, in front of it, that it is one of these days: the list, or a range that has no gap.

    A backfill's dates follow one another: a range is read faster, and 60 dates would stand in a statement ten times.
    """
    first, last = min(days), max(days)
    if first == last:
        return Sql(f"= {literal(first)}")
    if (last - first).days + 1 == len(set(days)):
        return Sql(f"BETWEEN {literal(first)} AND {literal(last)}")
    return Sql(f"IN ({dates_list(days)})")


def texts_list(texts: Iterable[str]) -> Sql:
    """Texts as a list for IN."""
    return Sql(", ".join(literal(text).text for text in texts))


def rows_array(types: Mapping[str, str], rows: Iterable[Sequence[Sql]]) -> Sql:
    """An array of structs, for UNNEST, a row on each line.

    `types` are the fields, at least two, and each row has their values in order.
    """
    fields = ", ".join(f"{columns([name])} {kind}" for name, kind in types.items())
    values = ",\n  ".join(f"({', '.join(value.text for value in row)})" for row in rows)
    return Sql(f"ARRAY<STRUCT<{fields}>>[\n  {values}\n]")


def _escape(text: str) -> str:
    """Every character that is not plain ASCII text becomes a \\U escape: nothing can end the literal.

    An escape of a lone surrogate is refused by BigQuery: U+FFFD stands for it.
    """
    return _NOT_PLAIN.sub(lambda found: f"\\U{ord(found[0]):08x}", valid(text))


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One `.sql` file: its text with `${placeholders}`."""

    template: Template

    @property
    def placeholders(self) -> frozenset[str]:
        """The names that the file wants filled."""
        return frozenset(self.template.get_identifiers())

    def fill(self, **values: Sql) -> Sql:
        """The file's text with its placeholders filled.

        Values that the file does not mention are ignored, so one set serves several files. Raises `KeyError`
        for a placeholder without a value, `TypeError` for a value that is not `Sql`.
        """
        for key, value in values.items():
            if not isinstance(value, Sql):
                raise TypeError(f"{key} is {type(value).__name__}, not Sql")
        return Sql(self.template.substitute({key: value.text for key, value in values.items()}).strip())


@dataclass(frozen=True, slots=True)
class Folder:
    """The `.sql` files of a package such as `grading.sql`, by name and without their ending.

    A name may hold a sub-folder, `schema/create_fence`. No two files of the project share a name.
    """

    package: str

    def file(self, name: str) -> SqlFile:
        """A file, read once a process. Raises `FileNotFoundError` if there is none of that name."""
        return _load(self.package, name)

    def fill(self, name: str, **values: Sql) -> Sql:
        """A file with its placeholders filled; see `SqlFile.fill`."""
        return self.file(name).fill(**values)


@cache
def _load(package: str, name: str) -> SqlFile:
    return SqlFile(Template(resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")))


def key_texts(names: Iterable[str], source: str) -> Sql:
    """Each key column of `source` as text, under its own name."""
    return Sql(", ".join(f"CAST({source}.{name} AS STRING) AS {name}" for name in (columns([n]) for n in names)))


def window_key(names: Iterable[str]) -> Sql:
    """Key columns by which a window is partitioned: as text, since FLOAT64 is refused there
    (https://cloud.google.com/bigquery/docs/reference/standard-sql/window-function-calls#def_partition_by)."""
    return Sql(", ".join(f"CAST({columns([name])} AS STRING)" for name in names))


def key_text(names: Iterable[str]) -> Sql:
    """The key columns as one text, separated by spaces; `NULL` for one that is."""
    texts = (f"IFNULL(CAST({columns([name])} AS STRING), 'NULL')" for name in names)
    joined = ", ' ', ".join(texts)
    return Sql(f"CONCAT({joined}, '')")
