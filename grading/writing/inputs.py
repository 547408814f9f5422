"""The inputs as SQL: the tables, an optional one that cannot be read as empty; and the rule of what counts.

Predictions and box scores are read in the types of the grades that they become. If a column of the grades keeps one
digit after the point, a line counts as what it is rounded to: for the business key, the margins, and every later
comparison of predictions and grades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from foundation.clock import Deadline
from foundation.errors import AccessRefused, Permanent
from grading.settings import Settings
from grading.writing.declared import declared
from grading.writing.input_columns import INPUT_COLUMNS, Needed
from warehouse.bigquery import Warehouse
from warehouse.bigquery_errors import plain_reason
from warehouse.columns import NUMBERS, Column, Table
from warehouse.statements import Folder, Sql, columns, literal, table

SQL = Folder("grading.sql")

OPTIONAL = {"injury_report": "injury_report_table", "archetypes": "archetypes_table"}

# A column of the predictions, and the column of the grades whose type it is read in.
_READ_AS = {"predicted_points": "predicted_points", "current_points_line": "line_value"}
# A date is given for each of them: a table may demand a filter of either.
_DATES = ("game_date", "report_date")
_CONFIDENCE_DECIMALS = 4
_NUMERIC = Column("", "NUMERIC", required=False)
_NUMERIC_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class OptionalInput:
    """An input that grading can do without. `why_absent` says why it is read as empty; None if it is read."""

    name: str
    table: str
    why_absent: str | None

    @property
    def unreadable(self) -> bool:
        """Whether it is absent though the deployment names a table."""
        return self.why_absent is not None and self.table != "none"


def inputs(settings: Settings, warehouse: Warehouse | None = None) -> dict[str, Sql]:
    """The tables that must exist, and why a prediction may not be graded.

    With a warehouse, in the types of the grades there. Its tables' descriptions are asked for once a process.
    """
    lines = placeholder_lines(settings)
    accuracy = settings.target("prediction_accuracy")
    target = warehouse.described(accuracy) if warehouse else None
    found = {
        setting: warehouse.described(settings.input_table(setting)) if warehouse else None
        for setting in ("predictions_table", "box_scores_table")
    }
    minutes = target.column("minutes_played") if target else None
    confidence = target.column("confidence_score") if target else None
    decimals = confidence.decimals if confidence and confidence.decimals is not None else _CONFIDENCE_DECIMALS
    return {
        "predictions": _read_as(settings, "predictions_table", found["predictions_table"], target),
        "box_scores": _read_as(settings, "box_scores_table", found["box_scores_table"], target),
        "accuracy": _replaced(table(accuracy), _numeric(target) if target else {}),
        "placeholder_lines": lines,
        "why_not_graded": SQL.fill("why_not_graded", placeholder_lines=lines),
        "kept_minutes": minutes.cast("minutes_played", _NUMERIC) if minutes else Sql("minutes_played"),
        "confidence_decimals": literal(min(decimals, _CONFIDENCE_DECIMALS)),
        "passed_in": Sql(""),
        "passed_out": Sql(""),
    }


def placeholder_lines(settings: Settings) -> Sql:
    """The lines that are none, as a list for IN; nothing is in it if there are no such lines."""
    return Sql(", ".join(f"NUMERIC '{line}'" for line in settings.placeholders) or "CAST(NULL AS NUMERIC)")


def optional_input(
    name: str, settings: Settings, warehouse: Warehouse | None, day: date, deadline: Deadline | None = None
) -> Sql:
    """An optional input as a date reads it: its table, or nothing. Without a warehouse it is taken to be there."""
    if warehouse is None:
        setting = OPTIONAL[name]
        return SQL.fill(f"absent_{name}") if settings.is_without(setting) else table(settings.input_table(setting))
    return optional_table(settings, name, warehouse, day, deadline)[1]


def absent_inputs(
    settings: Settings, warehouse: Warehouse, day: date, deadline: Deadline | None = None
) -> list[OptionalInput]:
    """The optional inputs that are read as empty."""
    found = [optional_table(settings, name, warehouse, day, deadline)[0] for name in OPTIONAL]
    return [optional for optional in found if optional.why_absent is not None]


def optional_table(
    settings: Settings, name: str, warehouse: Warehouse, day: date, deadline: Deadline | None = None
) -> tuple[OptionalInput, Sql]:
    """An optional input as the run reads it, and what it is.

    It is empty if the deployment is without it, or if it is not there, may not be read, or lacks a column: grading
    goes on. A dry run tells, since the right to look at a table is not the right to read it. Raises `Transient` if
    BigQuery does not answer.
    """
    setting = OPTIONAL[name]
    empty = SQL.fill(f"absent_{name}")
    if settings.is_without(setting):
        return OptionalInput(name, "none", f"{setting.upper()}=none"), empty
    path = settings.input_table(setting)
    dated = [column for column in _DATES if column in INPUT_COLUMNS[setting]]
    probe = SQL.fill(
        "probe_optional",
        columns=columns(INPUT_COLUMNS[setting]),
        input=table(path),
        condition=Sql(" AND ".join(f"{column} = {literal(day)}" for column in dated) or "TRUE"),
    )
    try:
        warehouse.bytes_scanned(probe, deadline=deadline)
    except (Permanent, AccessRefused) as error:
        return OptionalInput(name, str(path), plain_reason(error)), empty
    return OptionalInput(name, str(path), None), table(path)


def _read_as(settings: Settings, setting: str, found: Table | None, target: Table | None) -> Sql:
    """The table, or a subquery of it that replaces the columns whose types are not those that grading reads."""
    path = table(settings.input_table(setting))
    if found is None:
        return path
    return _replaced(path, dict(_casts(INPUT_COLUMNS[setting], found, target)))


def _numeric(target: Table) -> dict[str, Sql]:
    """The columns of the grades that are numbers of another kind than the service declares, as that kind."""
    pairs = [(own, target.column(own.name)) for own in declared("prediction_accuracy").columns]
    return {
        own.name: own.cast(columns([own.name]).text, found)
        for own, found in pairs
        if found and own.base != found.base and {own.base, found.base} <= NUMBERS
    }


def _replaced(path: Sql, casts: Mapping[str, Sql]) -> Sql:
    """The table with some columns as other expressions."""
    if not casts:
        return path
    replaced = ", ".join(f"{cast} AS {columns([name])}" for name, cast in sorted(casts.items()))
    return SQL.fill("read_as", replaced=Sql(replaced), input=path)


def _casts(needed: Mapping[str, Needed], found: Table, target: Table | None) -> list[tuple[str, Sql]]:
    casts = []
    for name, need in needed.items():
        column = found.column(name)
        if column is None or need.type not in NUMBERS or column.base not in NUMBERS:
            continue
        into = target.column(_READ_AS[name]) if target and name in _READ_AS else None
        wanted = Column(name, need.type, required=False)
        if into and _is_coarser(into, column):
            rounded = replace(_NUMERIC, precision=38, scale=into.decimals)
            casts.append((name, rounded.cast(columns([name]).text, column)))
            continue
        if column.base != wanted.base:
            casts.append((name, wanted.cast(columns([name]).text, column)))
    return casts


def _is_coarser(into: Column, column: Column) -> bool:
    """Whether a column of the grades keeps fewer digits after the point than the one that it is read from."""
    if into.base not in NUMBERS or into.decimals is None or into.decimals >= _NUMERIC_DECIMALS:
        return False
    return column.decimals is None or column.decimals > into.decimals
