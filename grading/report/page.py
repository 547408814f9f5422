"""The page: one HTML file that needs nothing else, from what was read of the warehouse. No clients, no side effects.

Nothing on it can act: its content security policy forbids every script and every address, and lets in the one style
sheet that it carries, by its hash. What comes from a table is escaped by the template; ids and classes are made here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from foundation import commands
from grading.history import RunRecord
from grading.outcome import Status
from grading.report import charts
from grading.report.data import Cell, ReportData

# What a cell shows: letter, name, and the class of its colour.
_STATES: Mapping[str, tuple[str, str, str]] = {
    "duplicates": ("D", "duplicates open", "b"),
    Status.FAILED: ("F", "failed", "b"),
    Status.SHRUNK: ("S", "refused: far fewer keys", "b"),
    Status.SUCCESS: ("G", "graded", "g"),
    Status.REPAIRED: ("R", "repaired", "r"),
    Status.PARTIAL: ("P", "graded in part", "p"),
    Status.NO_ACTUALS: ("N", "no box scores yet", "p"),
    Status.NO_PREDICTIONS: ("0", "no predictions", "i"),
    "other": ("?", "other", "i"),
}
_MARKS = {"published": "●", "failed": "✕", "refused": "✕", "nothing": "○"}
_LONGEST_TEXT = 160


@dataclass(frozen=True, slots=True)
class _Shown:
    letter: str
    css: str
    anchor: str
    title: str


def render(data: ReportData) -> str:
    """The whole page."""
    folder = resources.files("grading.report").joinpath("templates")
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(folder.joinpath("report.html").read_text(encoding="utf-8"))
    zone = ZoneInfo(data.time_zone)
    return template.render(
        data=data,
        style=Markup(style),  # noqa: S704 - a file of this package
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        moment=lambda at: f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        legend=list(_STATES.values()),
        grids=[{"name": name, "months": list(_months(data, name))} for name in data.processors if data.cells],
        charts=list(_charts(data)),
        width=charts.WIDTH,
        height=charts.HEIGHT,
        lane_width=charts.LANE_WIDTH,
        marks=_MARKS,
        systems=list(_systems(data)),
        deciles=[
            {
                "decile": decile.decile,
                "decided": f"{decile.decided:,}",
                "stated": "" if decile.confidence is None else f"{decile.confidence:.1%}",
                "right": f"{decile.correct / decile.decided:.1%}" if decile.decided else "",
            }
            for decile in data.deciles
        ],
        detailed=list(_detailed(data, zone)),
        rows=list(_rows(data)),
    )


def state_of(cell: Cell) -> str:
    """The one word for a cell: what is wrong with it now, or else what was published."""
    if cell.open_findings:
        return "duplicates"
    if cell.last_status in (Status.FAILED, Status.SHRUNK):
        return cell.last_status
    state = cell.published_status or cell.last_status or "other"
    return state if state in _STATES else "other"


def _months(data: ReportData, name: str) -> Iterator[tuple[str, list[_Shown | None]]]:
    cells = {cell.game_date: cell for cell in data.cells if cell.processor == name}
    detailed = set(data.detailed)
    month = data.first.replace(day=1)
    while month <= data.last:
        shown: list[_Shown | None] = [None] * 31
        for number in range(31):
            day = month + timedelta(days=number)
            if day.month == month.month and day in cells:
                shown[number] = _shown(cells[day], detailed)
        yield f"{month:%Y-%m}", shown
        month = (month + timedelta(days=31)).replace(day=1)


def _shown(cell: Cell, detailed: set[date]) -> _Shown:
    letter, name, css = _STATES[state_of(cell)]
    mark = "!" if cell.eventful else ""
    return _Shown(letter + mark, css, _anchor(cell.game_date, detailed), f"{cell.game_date}: {name}")


def _anchor(day: date, detailed: set[date]) -> str:
    return f"d{day:%Y%m%d}" if day in detailed else f"r{day:%Y%m%d}"


def _charts(data: ReportData) -> Iterator[charts.Chart]:
    first, last = data.first, data.last

    def number(value: float) -> str:
        return f"{value:,.0f}"

    duplicates: dict[date, float] = {}
    waits: dict[date, float] = {}
    for cell in data.cells:
        duplicates[cell.game_date] = duplicates.get(cell.game_date, 0) + cell.duplicate_keys
        waits[cell.game_date] = max(waits.get(cell.game_date, 0.0), (cell.longest_wait_ms or 0) / 1000)
    ungraded = {state.date: float(max(0, state.predictions - state.grades)) for state in data.states}
    yield charts.bars(
        "Duplicates found", "business keys with more than one row, by date", duplicates, first, last, number
    )
    yield charts.bars("Ungraded", "predictions without a grade, by date", ungraded, first, last, number)
    yield charts.by_system(
        "Accuracy by system", "share of right recommendations", data.systems,
        lambda point: point.correct / point.decided if point.decided else None, first, last, lambda v: f"{v:.0%}",
    )  # fmt: skip
    yield charts.by_system(
        "Mean absolute error by system", "points", data.systems, lambda point: point.mae, first, last,
        lambda v: f"{v:.2f}",
    )  # fmt: skip
    yield charts.reliability(data.deciles)
    yield charts.bars("Lock waits", "longest wait in seconds, by date", waits, first, last, lambda v: f"{v:.1f}")


def _systems(data: ReportData) -> Iterator[Mapping[str, str]]:
    for name in sorted({point.system_id for point in data.systems}):
        points = [point for point in data.systems if point.system_id == name]
        decided = sum(point.decided for point in points)
        measured = [(point.mae, point.predictions) for point in points if point.mae is not None]
        weight = sum(predictions for _, predictions in measured)
        yield {
            "name": _cut(name),
            "predictions": f"{sum(point.predictions for point in points):,}",
            "decided": f"{decided:,}",
            "share": f"{sum(point.correct for point in points) / decided:.1%}" if decided else "",
            "mae": f"{sum(mae * predictions for mae, predictions in measured) / weight:.2f}" if weight else "",
        }


def _detailed(data: ReportData, zone: ZoneInfo) -> Iterator[Mapping[str, Any]]:
    for day in data.detailed:
        parts = []
        for name in data.processors:
            cell = next((c for c in data.cells if c.game_date == day and c.processor == name), None)
            if cell is None or not cell.eventful:
                continue
            runs = [run for run in data.runs if run.game_date == day and run.processor == name]
            parts.append(
                {
                    "name": name,
                    "summary": _summary(cell),
                    "lanes": charts.lanes(runs, zone, _run_name) if len(runs) > 1 else None,
                    "runs": [_run(run, zone) for run in runs],
                }
            )
        yield {"day": day.isoformat(), "anchor": f"d{day:%Y%m%d}", "parts": parts, "command": commands.explain(day)}


def _summary(cell: Cell) -> str:
    counted = (
        (cell.run_count, "run", "runs"),
        (cell.publishes, "published", "published"),
        (cell.waits, "waited for another", "waited for another"),
        (cell.takeovers, "took a lock over", "took a lock over"),
        (cell.without_lock, "had no lock", "had no lock"),
        (cell.refused, "publish was refused as older", "publishes were refused as older"),
        (cell.failures, "failed", "failed"),
        (cell.duplicate_keys, "duplicate key was found", "duplicate keys were found"),
    )
    said = [f"{count:,} {one if count == 1 else many}" for count, one, many in counted if count]
    return f"{', '.join(said)}. Now: {_STATES[state_of(cell)][1]}."


def _run(run: RunRecord, zone: ZoneInfo) -> Mapping[str, str]:
    wait = f"{(run.lock_wait_ms or 0) / 1000:.1f} s"
    lock = f"held after {wait}" if run.locked else f"none, {wait} waited"
    if run.taken_over_from:
        lock += f", taken over from {_holder(run.taken_over_from)}"
    elif run.waited_for:
        lock += f", held by {_holder(run.waited_for)} before"
    return {
        "began": f"{run.started_at.astimezone(zone):%m-%d %H:%M:%S}" if run.started_at else "",
        "run_id": run.run_id[:8],
        "trigger": _cut(run.trigger_source or ""),
        "lock": _cut(lock),
        "status": f"{run.status or ''}{', after a refusal' if run.refused else ''}",
        "rows": f"{run.rows_inserted or 0:,}",
        "were": f"{run.rows_deleted or 0:,}",
        "detail": _cut(run.detail or ""),
    }


def _holder(text: str) -> str:
    return text.partition(" (")[2].rstrip(")") or text


def _rows(data: ReportData) -> Iterator[Mapping[str, Any]]:
    states = {state.date: state for state in data.states}
    cells = {(cell.game_date, cell.processor): cell for cell in data.cells}
    detailed = set(data.detailed)
    for day in sorted({*states, *(cell.game_date for cell in data.cells)}, reverse=True):
        state = states.get(day)
        yield {
            "day": day.isoformat(),
            "anchor": f"r{day:%Y%m%d}",
            "link": f"d{day:%Y%m%d}" if day in detailed else "",
            "predictions": f"{state.predictions:,}" if state else "",
            "grades": f"{state.grades:,}" if state else "",
            "cells": [_ended(cells.get((day, name))) for name in data.processors],
        }


def _ended(cell: Cell | None) -> str:
    if cell is None:
        return ""
    rows = f", {cell.published_rows:,} rows" if cell.published_rows is not None else ""
    return f"{_STATES[state_of(cell)][1]}{rows}"


def _run_name(run: RunRecord) -> str:
    return f"{run.run_id[:8]} {(run.trigger_source or '')[:12]}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
