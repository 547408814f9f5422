"""A slate: one date's input tables as CSV files, and the check that each value fits its column.

A column that a table does not have is ignored; a column that it has must be there, empty for NULL. The columns are
read from the tables' own statements under `sql/`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

Value = str | bool | None
Row = dict[str, Value]

_COLUMN = re.compile(r"^  (\w+) (STRING|NUMERIC|INT64|BOOL|DATE|TIMESTAMP)(?:\(38, 9\))?( NOT NULL)?,?$", re.MULTILINE)
_INT64 = range(-(2**63), 2**63)
# NUMERIC holds 29 digits before the point and 9 after it.
_NUMERIC_LIMIT = Decimal(10) ** 29
_NUMERIC_STEP = Decimal("1e-9")


_EXAMPLES = {
    "BOOL": "true or false",
    "INT64": "a whole number, such as 1000",
    "NUMERIC": "a number with a point, such as 1000.5, of at most 29 digits before it and 9 after it",
    "DATE": "YYYY-MM-DD",
    "TIMESTAMP": "a time such as 2024-01-15T19:30:00Z",
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# A confidence may be: grading counts and tells one that is out of range.
_NOT_NEGATIVE = frozenset(
    {"predicted_points", "points", "minutes_played", "current_points_line", "similar_games_count"}
)


class SlateError(Exception):
    """A slate cannot be used; the message names file, line and value, and the remedy."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an input table."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTable:
    """An input table: the setting that holds its path, its statement, and the file that fills it."""

    setting: str
    statement: str
    file_prefix: str
    optional: bool = False

    def file_name(self, day: date) -> str:
        return f"{self.file_prefix}_{day.isoformat()}.csv"

    @property
    def columns(self) -> tuple[Column, ...]:
        return _columns(self.statement)


PREDICTIONS = InputTable(
    setting="predictions_table", statement="player_prop_predictions", file_prefix="player_prop_predictions"
)
BOX_SCORES = InputTable(setting="box_scores_table", statement="player_game_summary", file_prefix="player_game_summary")
INJURY_REPORT = InputTable(
    setting="injury_report_table", statement="nbac_injury_report", file_prefix="injury_report", optional=True
)
INPUT_TABLES = (PREDICTIONS, BOX_SCORES, INJURY_REPORT)


def statement(name: str) -> str:
    """The CREATE TABLE statement of an input table, with `${table}` for its path."""
    return Path(__file__).with_name("sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def _columns(name: str) -> tuple[Column, ...]:
    return tuple(Column(found[1], found[2], found[3] is not None) for found in _COLUMN.finditer(statement(name)))


def read_slate(directory: Path, day: date) -> dict[str, list[Row]]:
    """The rows of every file of a date, by the table's setting; an optional file that is absent has no entry.

    Raises:
        SlateError: the directory, a file, a column or a value is missing or wrong.
    """
    if not directory.is_dir():
        raise SlateError(f"DATA={directory} is not a directory: name the one that holds {PREDICTIONS.file_name(day)}")
    slate: dict[str, list[Row]] = {}
    for table in INPUT_TABLES:
        path = directory / table.file_name(day)
        if path.is_file():
            slate[table.setting] = list(_read(path, table, day))
        elif not table.optional:
            raise SlateError(
                f"{path} does not exist: DATA must hold {PREDICTIONS.file_name(day)} and {BOX_SCORES.file_name(day)}"
            )
    return slate


def _read(path: Path, table: InputTable, day: date) -> Iterator[Row]:
    line = 0
    try:
        _check_text(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, reader.fieldnames, table)
            line = reader.line_num
            for record in reader:
                # A record begins after the one before: a value in quotes may run over lines.
                where, line = f"{path.name}, line {line + 1}", reader.line_num
                if any("\n" in str(value) for value in record.values()):
                    raise SlateError(f"{where}: a value runs over several lines: close its quotes, or take them out")
                # DictReader files what is too many under None, and fills what is missing with None.
                if None in record or None in record.values():
                    raise SlateError(f"{where}: not as many values as the header has columns; quote values with commas")
                yield _row(where, record, table, day)
    except UnicodeDecodeError as error:
        raise SlateError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise SlateError(
            f"{path.name}, line {line + 1}: {error}: close the quotes that open there, and quote values with commas"
        ) from error
    except OSError as error:
        raise SlateError(f"{path} cannot be read: {error.strerror}") from error


def _check_text(path: Path) -> None:
    """Refuse what no text file holds."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if b"\0" in line:
            raise SlateError(f"{path.name}, line {number}: it holds a NUL byte: save the file as UTF-8 text")


def _check_header(path: Path, names: object, table: InputTable) -> None:
    header = list(names) if isinstance(names, list) else []
    if not header:
        raise SlateError(f"{path} is empty: its first line must name the columns")
    if len(header) == 1 and (found := next((mark for mark in ";\t|" if mark in header[0]), None)):
        name = {"\t": "tabs"}.get(found, repr(found))
        raise SlateError(f"{path.name}, line 1: the columns are separated by {name}: separate them with commas")
    missing = [column.name for column in table.columns if column.name not in header]
    if missing:
        raise SlateError(f"{path} lacks the column {', '.join(missing)}: add it, with empty values where unknown")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise SlateError(f"{path} names the column {', '.join(twice)} more than once")


def _row(where: str, record: dict[str, str], table: InputTable, day: date) -> Row:
    row: Row = {}
    for column in table.columns:
        text = record[column.name]
        if text == "":
            if column.required:
                raise SlateError(f"{where}: {column.name} is empty, and every row needs it")
            row[column.name] = None
            continue
        try:
            row[column.name] = _value(text, column.kind)
        except (ValueError, InvalidOperation) as error:
            raise SlateError(
                f"{where}: {column.name}={text!r} is not a valid {column.kind}: write {_EXAMPLES[column.kind]}"
            ) from error
        if column.name in _NOT_NEGATIVE and text.startswith("-") and Decimal(text) < 0:
            raise SlateError(f"{where}: {column.name}={text!r} is negative: write 0 or more, or leave it empty")
    if row["game_date"] != day.isoformat():
        raise SlateError(f"{where}: game_date={row['game_date']} is not {day}: a file holds one date's rows")
    return row


def _value(text: str, kind: str) -> Value:
    """A value as BigQuery's JSON takes it: numbers as text, so that no digit is lost."""
    match kind:
        case "BOOL":
            lowered = text.lower()
            if lowered not in ("true", "false"):
                raise ValueError(text)
            return lowered == "true"
        case "INT64":
            number = _number(text)
            if not number.is_finite() or number != number.to_integral_value() or int(number) not in _INT64:
                raise ValueError(text)
            return str(int(number))
        case "NUMERIC":
            number = _number(text)
            if not number.is_finite() or abs(number) >= _NUMERIC_LIMIT or number != number.quantize(_NUMERIC_STEP):
                raise ValueError(text)
            return f"{number:f}"
        case "DATE":
            return date.fromisoformat(text).isoformat()
        case "TIMESTAMP":
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return text


def _number(text: str) -> Decimal:
    """A number as spreadsheets write it: Python would take `1_000`, too."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)
