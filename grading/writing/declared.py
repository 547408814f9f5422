"""The tables as the service declares them, read from their CREATE statements; and what their numbers need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from foundation.errors import InvalidSettings
from warehouse.columns import Column
from warehouse.statements import Folder

SQL = Folder("grading.sql")

_COLUMN = re.compile(
    r"^  (?P<name>\w+) (?P<kind>\w+)(?:\((?P<parameters>[\d, ]+)\))?(?P<required> NOT NULL)?,?$", re.MULTILINE
)
_PARTITION = re.compile(r"^PARTITION BY (?:DATE\()?(?P<column>\w+)", re.MULTILINE)
_SHARES = re.compile(r"(^|_)(rate|pct|confidence|confidence_score)$")

_DECIMALS = {"mae": 2, "avg_bias": 2}

# Columns that every run fills, though their declaration allows NULL.
ALWAYS_FILLED = frozenset(
    {"graded_at", "computed_at", "run_id", "fence_token", "is_voided", "has_prop_line", "line_source", "is_actionable"}
)
RUN_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Declared:
    """A table of the service: its columns, and the column that it is partitioned by."""

    columns: tuple[Column, ...]
    partition: str | None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns)


@cache
def declared(name: str) -> Declared:
    """What `sql/schema/create_{name}.sql` declares. Raises `InvalidSettings` for a statement without columns."""
    text = SQL.file(f"schema/create_{name}").template.template
    columns = tuple(_column(found) for found in _COLUMN.finditer(text))
    if not columns:
        raise InvalidSettings(f"sql/schema/create_{name}.sql: write one column a line, indented by two spaces")
    partition = _PARTITION.search(text)
    return Declared(columns, partition["column"] if partition else None)


def _column(found: re.Match[str]) -> Column:
    parameters = [int(number) for number in (found["parameters"] or "").split(",") if number.strip()]
    precision, scale = (*parameters, None, None)[:2] if found["kind"] == "NUMERIC" else (None, None)
    if (precision, scale) == (38, 9):
        precision = scale = None
    return Column(found["name"], found["kind"], found["required"] is not None, precision=precision, scale=scale)


def digits_needed(name: str) -> int:
    """The digits before the point that the values of a numeric column may have."""
    return 1 if is_share(name) else 3


def decimals_written(name: str) -> int:
    """The digits after the point that the values of a numeric column may have."""
    if name == "confidence_score":
        return 4
    return 3 if is_share(name) else _DECIMALS.get(name, 9)


def is_share(name: str) -> bool:
    """Whether the column holds values from 0 to 1: without digits after the point they would say nothing."""
    return _SHARES.search(name) is not None
