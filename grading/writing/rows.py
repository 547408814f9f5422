"""Rows given from Python, checked against the table that they are meant for before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from foundation.errors import InvalidRow
from foundation.text import shown, valid
from grading.processors import Processor
from warehouse.columns import Column
from warehouse.statements import INT64_MAX, INT64_MIN

_NUMERIC_SCALE = Decimal("1e-9")
_NUMERIC_LIMIT = Decimal("1e29")
# NUMERIC has 38 digits; the default context would round to 28.
_NUMERIC = Context(prec=60, rounding=ROUND_HALF_UP)
PROVENANCE = ("run_id", "fence_token")


def check_rows(
    rows: Sequence[Mapping[str, Any]], game_date: date, processor: Processor, columns: Sequence[Column]
) -> list[dict[str, Any]]:
    """The rows as JSON values that BigQuery loads unchanged.

    Raises `InvalidRow` for the first row that lacks a key or required column, names a column that the table
    does not have, belongs to another date, or holds a value that its column cannot; the message names row
    (from 1), column and value. Provenance columns are the writer's own and are dropped if given.
    """
    known = {column.name: column for column in columns}
    keys = {processor.partition_column, *processor.business_key}
    return [_check_row(number, row, game_date, processor, known, keys) for number, row in enumerate(rows, start=1)]


def _check_row(
    number: int,
    row: Mapping[str, Any],
    game_date: date,
    processor: Processor,
    columns: Mapping[str, Column],
    keys: set[str],
) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise InvalidRow(f"row {number} is {shown(row)}, not a mapping of column to value")
    for name in sorted(keys | {c.name for c in columns.values() if c.required}):
        if name not in row:
            raise InvalidRow(f"row {number} lacks column {name!r}, which every row of {processor.name} must have")
    checked: dict[str, Any] = {}
    for name, value in row.items():
        if name in PROVENANCE:
            continue
        if name not in columns:
            raise InvalidRow(f"row {number} has column {shown(name)}, which {processor.name} does not have")
        checked[name] = _json_value(number, columns[name], value)
    if checked[processor.partition_column] != game_date.isoformat():
        raise InvalidRow(
            f"row {number}, column {processor.partition_column!r}: {shown(row[processor.partition_column])} is another "
            f"date than {game_date}, which is being written"
        )
    return checked


def _json_value(number: int, column: Column, value: Any) -> Any:
    value = _plain(value)
    if value is None:
        if column.required:
            raise InvalidRow(f"row {number}, column {column.name!r}: NULL is not allowed")
        return None
    try:
        return _CONVERT[column.kind](value)
    except KeyError:
        raise InvalidRow(f"row {number}, column {column.name!r}: type {column.kind} cannot be loaded") from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InvalidRow(
            f"row {number}, column {column.name!r}: {shown(value)} is not a valid {column.kind} ({error})"
        ) from error


def _plain(value: Any) -> Any:
    """A numpy scalar as the Python value that it stands for; everything else as it is."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    return valid(str(value))


def _integer(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError("expected a whole number")
    if not INT64_MIN <= value <= INT64_MAX:
        raise ValueError("beyond 64 bits")
    if value != int(value):
        raise TypeError("expected a whole number")
    return str(int(value))


def _numeric(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError("expected a number")
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("not finite")
    if number.copy_abs() >= _NUMERIC_LIMIT:
        raise ValueError("more than 29 digits before the point")
    rounded = number.quantize(_NUMERIC_SCALE, context=_NUMERIC)
    if rounded.copy_abs() >= _NUMERIC_LIMIT:
        raise ValueError("more than 29 digits before the point")
    return f"{rounded.normalize(_NUMERIC):f}"


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError("expected a number")
    if not math.isfinite(value):
        raise ValueError("not finite")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected True or False")
    return value


def _date(value: Any) -> str:
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise TypeError("expected a date")
    return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()


def _timestamp(value: Any) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise TypeError("expected a moment")
    if moment.tzinfo is None or moment != moment:
        raise ValueError("without a time zone")
    return moment.astimezone(UTC).isoformat()


_CONVERT = {
    "STRING": _string,
    "INTEGER": _integer,
    "INT64": _integer,
    "NUMERIC": _numeric,
    "FLOAT": _float,
    "FLOAT64": _float,
    "BOOLEAN": _boolean,
    "BOOL": _boolean,
    "DATE": _date,
    "TIMESTAMP": _timestamp,
}
