"""Tables and their columns as the server describes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Self

from google.cloud import bigquery

from foundation.errors import InvalidSettings
from warehouse.statements import Sql, TablePath, columns

_TYPE = re.compile(r"[A-Z][A-Z0-9]*")
# The names of the API, and those of SQL: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables.
_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
# https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_properties: not groupable, or
# (FLOAT64) no partitioning key of a window.
_NOT_GROUPABLE = frozenset({"JSON", "STRUCT", "GEOGRAPHY"})
NUMBERS = frozenset({"INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `kind` is a type name of the API or of SQL, such as NUMERIC or INTEGER."""

    name: str
    kind: str
    required: bool
    repeated: bool = False
    precision: int | None = None
    scale: int | None = None
    max_length: int | None = None
    fields: tuple[Column, ...] = ()

    @classmethod
    def of(cls, field: bigquery.SchemaField) -> Self:
        """The column that a field of the client describes."""
        return cls(
            field.name,
            field.field_type,
            field.mode == "REQUIRED",
            repeated=field.mode == "REPEATED",
            precision=field.precision,
            scale=field.scale,
            max_length=field.max_length,
            fields=tuple(cls.of(inner) for inner in field.fields),
        )

    @property
    def base(self) -> str:
        """The name of its type in SQL, without parameters; `ARRAY` if it is repeated."""
        return "ARRAY" if self.repeated else self._element

    @property
    def _element(self) -> str:
        kind = self.kind.upper()
        if not _TYPE.fullmatch(kind):
            raise InvalidSettings(f"column {self.name}: {self.kind!r} is not a type of BigQuery")
        return _SQL_NAMES.get(kind, kind)

    @property
    def type(self) -> Sql:
        """Its type as SQL writes it, such as `NUMERIC(5, 1)` or `ARRAY<STRING>`."""
        element = self._element
        if self.fields:
            element = f"STRUCT<{', '.join(f'{columns([f.name])} {f.type}' for f in self.fields)}>"
        elif self.repeated:
            pass  # an element's parameters cannot be given in a cast
        elif self.precision is not None:
            element += f"({self.precision}, {self.scale or 0})"
        elif self.max_length is not None:
            element += f"({self.max_length})"
        elif element == "NUMERIC":
            # NUMERIC itself, spelt out: a plain NUMERIC has fewer decimals in some engines.
            element = "NUMERIC(38, 9)"
        return Sql(f"ARRAY<{element}>" if self.repeated else element)

    @property
    def bare_type(self) -> Sql:
        """Its type without parameters: BigQuery refuses them in a cast."""
        if self.fields:
            inner = f"STRUCT<{', '.join(f'{columns([f.name])} {f.bare_type}' for f in self.fields)}>"
            return Sql(f"ARRAY<{inner}>" if self.repeated else inner)
        return Sql(f"ARRAY<{self._element}>" if self.repeated else self._element)

    def cast(self, value: str, given: Column | None = None) -> Sql:
        """A value in this column's type, rounded to what it keeps; `given` is the column that it is of, if known.

        Parameters are for columns alone: what is too large or too long fails when it is written. A NUMERIC is made by
        way of its text, since a plain cast keeps fewer decimals in some engines.
        """
        if self.base != "NUMERIC":
            return Sql(value if given and given.base == self.base else f"CAST({value} AS {self.bare_type})")
        numeric = given is not None and given.base == "NUMERIC"
        exact = value if numeric else f"PARSE_NUMERIC(CAST({value} AS STRING))"
        kept, of = self.decimals, given.decimals if given and numeric else None
        if kept is None or kept >= (9 if of is None else of):
            return Sql(exact)
        return Sql(f"ROUND({exact}, {kept})")

    @property
    def groupable(self) -> bool:
        """Whether rows may be grouped and compared by it."""
        return not self.repeated and self._element not in _NOT_GROUPABLE

    @property
    def decimals(self) -> int | None:
        """The digits after the point that it keeps; None if it keeps as many as there are."""
        if self.base == "INT64":
            return 0
        if self.base in ("NUMERIC", "BIGNUMERIC"):
            return (self.scale or 0) if self.precision is not None else 9
        return None

    def comparable(self, source: str = "") -> Sql:
        """The column as an expression that may be grouped and compared: itself, or its JSON text."""
        name = f"{source}.{columns([self.name])}" if source else columns([self.name]).text
        return Sql(name if self.groupable else f"TO_JSON_STRING({name})")

    def as_field(self) -> bigquery.SchemaField:
        """The column as the client describes it."""
        mode = "REPEATED" if self.repeated else "REQUIRED" if self.required else "NULLABLE"
        inner = [field.as_field() for field in self.fields]
        return bigquery.SchemaField(self.name, self.kind, mode=mode, fields=inner)


def comparable(known: Iterable[Column]) -> Sql:
    """The columns under their own names, in a form by which rows may be grouped and compared."""
    parts = ((columns([column.name]).text, column.comparable().text) for column in known)
    return Sql(", ".join(name if text == name else f"{text} AS {name}" for name, text in parts))


def window_columns(known: Iterable[Column]) -> Sql:
    """The columns in a form by which a window is partitioned."""
    return Sql(", ".join(_partitioning(column) for column in known))


def _partitioning(column: Column) -> str:
    return f"TO_JSON_STRING({columns([column.name])})" if column.base == "FLOAT64" else column.comparable().text


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table. `partition` is the column of its time partitions, `_PARTITIONTIME` if they are those of ingestion.

    `partition_type` is DAY, HOUR, MONTH or YEAR; `ranged_by` the column of integer ranges, if it is partitioned so.
    """

    path: TablePath
    columns: tuple[Column, ...]
    rows: int = 0
    bytes: int = 0
    created_at: datetime
    modified_at: datetime | None = None
    partition: str | None = None
    partition_type: str = ""
    ranged_by: str | None = None
    partitions_expire_after: timedelta | None = None
    expires_at: datetime | None = None

    @property
    def modified_ms(self) -> int | None:
        """When it was last written, in the server's milliseconds."""
        return round(self.modified_at.timestamp() * 1000) if self.modified_at else None

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by their names in lower case: BigQuery does not distinguish upper and lower case in them."""
        return {column.name.lower(): column for column in self.columns}

    def column(self, name: str) -> Column | None:
        """The column of a name, in whatever case."""
        return self.by_name.get(name.lower())

    def would_expire(self, day: date, now: datetime) -> bool:
        """Whether rows of a date would be gone as soon as they are written: its partition has expired.

        A partition expires its expiration after the partition's own time, in UTC, however lately it was written
        (https://cloud.google.com/bigquery/docs/managing-partitioned-tables#partition-expiration).
        """
        if self.partitions_expire_after is None:
            return False
        month = 1 if self.partition_type == "YEAR" else day.month
        begins = datetime(
            day.year, month, 1 if self.partition_type in ("MONTH", "YEAR") else day.day, tzinfo=now.tzinfo
        )
        return begins + self.partitions_expire_after <= now
