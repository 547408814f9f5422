"""What the report shows, aggregated in the warehouse: a row a date and processor, a point a system and week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from grading.dates.survey import DateState, read_dates
from grading.history import RunRecord
from grading.outcome import Status
from grading.processors import PROCESSORS
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.report.sql")

# What is more than this is left out, and the page says so.
LONGEST_DAYS = 366
MOST_SYSTEMS = 12
MOST_DATES_IN_DETAIL = 30
MOST_RUNS_OF_A_DATE = 40
# Over all dates that are shown run by run: a page stays below 400 KiB.
MOST_RUNS = 160
_MOST_POINTS = 6_000
_BY_WEEK_FROM_DAYS = 92
# The Monday of a date's week, as arithmetic that every engine does alike.
_MONDAY = "DATE_SUB(game_date, INTERVAL MOD(DATE_DIFF(game_date, DATE '1900-01-01', DAY), 7) DAY)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One date of one processor; counts over all its runs, moments in the server's milliseconds."""

    game_date: date
    processor: str
    run_count: int
    publishes: int
    last_status: str | None
    published_status: str | None
    published_rows: int | None
    published_ms: int | None
    last_ms: int | None
    longest_wait_ms: int | None
    without_lock: int
    takeovers: int
    waits: int
    refused: int
    failures: int
    duplicate_keys: int = 0
    open_findings: int = 0

    @property
    def eventful(self) -> bool:
        """Whether more happened than one run that published what it should."""
        quiet = self.last_status in (Status.SUCCESS, Status.NO_PREDICTIONS)
        return bool(
            not quiet or self.takeovers or self.waits or self.refused or self.failures or self.duplicate_keys
            or self.without_lock
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPoint:
    """One system in one period (a day, or a week from its Monday)."""

    system_id: str
    period: date
    correct: int
    decided: int
    mae: float | None
    predictions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decile:
    """Recommendations whose stated confidence lies in one tenth."""

    decile: int
    correct: int
    decided: int
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything on the page. `detailed` are the dates whose runs are shown one by one; `left_out` says in words what
    was left out, and why."""

    first: date
    last: date
    made_at: datetime
    environment: str
    time_zone: str
    processors: Sequence[str]
    cells: Sequence[Cell] = ()
    runs: Sequence[RunRecord] = ()
    states: Sequence[DateState] = ()
    systems: Sequence[SystemPoint] = ()
    deciles: Sequence[Decile] = ()
    detailed: Sequence[date] = ()
    left_out: Sequence[str] = field(default_factory=list)


def read_report(settings: Settings, jobs: Jobs, last: date, days: int) -> ReportData:
    """Read the `days` dates up to `last`. Six jobs. Raises what `Warehouse.run` raises."""
    first = last - timedelta(days=days - 1)
    names = [processor.name for processor in PROCESSORS]
    values = {
        "first": literal(first),
        "last": literal(last),
        "runs": table(settings.target("grading_runs")),
        "audit": table(settings.target("grading_duplicate_audit")),
        "daily": table(settings.target("system_daily_performance")),
        "accuracy": table(settings.target("prediction_accuracy")),
        "period": Sql(_MONDAY if days >= _BY_WEEK_FROM_DAYS else "game_date"),
    }
    found = _ask(jobs, "report-duplicates", "report_duplicates", values)
    duplicates = {(row["game_date"], row["processor"]): row for row in found}
    rows = _ask(jobs, "report-dates", "report_dates", values | {"limit": literal(LONGEST_DAYS * len(names))})
    cells = [_cell(row, duplicates) for row in rows if row["processor"] in names]
    eventful = sorted({cell.game_date for cell in cells if cell.eventful}, reverse=True)
    detailed = dates_in_detail(cells)
    systems = [
        SystemPoint(**row)
        for row in _ask(jobs, "report-systems", "report_systems", values | {"limit": literal(_MOST_POINTS)})
    ]
    kept = _most_predictions(systems)
    return ReportData(
        first=first,
        last=last,
        made_at=jobs.deadline.clock.now(),
        environment=settings.environment,
        time_zone=settings.time_zone,
        processors=names,
        cells=cells,
        runs=_runs(jobs, values, detailed),
        states=read_dates(settings, jobs, first, last),
        systems=[point for point in systems if point.system_id in kept],
        deciles=[Decile(**row) for row in _ask(jobs, "report-deciles", "report_deciles", values)],
        detailed=detailed,
        left_out=_left_out(cells, eventful, detailed, systems),
    )


def dates_in_detail(cells: Sequence[Cell]) -> list[date]:
    """The last dates on which more happened, as many as there is room for; at least one, if there is any."""
    runs: dict[date, int] = {}
    for cell in cells:
        if cell.eventful:
            runs[cell.game_date] = runs.get(cell.game_date, 0) + min(cell.run_count, MOST_RUNS_OF_A_DATE)
    chosen: list[date] = []
    room = MOST_RUNS
    for day in sorted(runs, reverse=True)[:MOST_DATES_IN_DETAIL]:
        room -= runs[day]
        if chosen and room < 0:
            break
        chosen.append(day)
    return chosen


def _left_out(
    cells: Sequence[Cell], eventful: Sequence[date], detailed: Sequence[date], systems: Sequence[SystemPoint]
) -> list[str]:
    said = []
    if len(eventful) > len(detailed):
        said.append(
            f"{len(eventful):,} dates have more than a plain run; the runs of the last {len(detailed):,} are shown."
        )
    crowded = [cell for cell in cells if cell.run_count > MOST_RUNS_OF_A_DATE and cell.game_date in detailed]
    said.extend(
        f"{cell.game_date} {cell.processor} has {cell.run_count:,} runs; the last {MOST_RUNS_OF_A_DATE} are shown."
        for cell in crowded[-5:]
    )
    names = {point.system_id for point in systems}
    if len(names) > MOST_SYSTEMS:
        said.append(f"{len(names):,} systems have grades; the {MOST_SYSTEMS} with the most predictions are shown.")
    if len(systems) >= _MOST_POINTS:
        said.append(f"Only the first {_MOST_POINTS:,} points of the systems were read.")
    return said


def _most_predictions(points: Sequence[SystemPoint]) -> set[str]:
    totals: dict[str, int] = {}
    for point in points:
        totals[point.system_id] = totals.get(point.system_id, 0) + point.predictions
    return set(sorted(totals, key=lambda name: (-totals[name], name))[:MOST_SYSTEMS])


def _cell(row: Mapping[str, Any], duplicates: Mapping[tuple[date, str], Mapping[str, Any]]) -> Cell:
    found = duplicates.get((row["game_date"], row["processor"]), {})
    return Cell(**row, duplicate_keys=found.get("duplicate_keys") or 0, open_findings=found.get("open_findings") or 0)


def _runs(jobs: Jobs, values: Mapping[str, Sql], days: Sequence[date]) -> list[RunRecord]:
    if not days:
        return []
    dates = Sql(", ".join(literal(day).text for day in days))
    limited = {**values, "dates": dates, "limit": literal(MOST_RUNS_OF_A_DATE)}
    return [RunRecord.of(row) for row in _ask(jobs, "report-runs", "report_runs", limited)]


def _ask(jobs: Jobs, step: str, name: str, values: Mapping[str, Sql]) -> Sequence[Mapping[str, Any]]:
    return jobs.ask(step, SQL.fill(name, **values)).rows
