"""What is damaged: the dates of a table that hold duplicates, in one query. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from grading.maintenance.repair_tables import FIRST_DAY, LAST_DAY, RepairTable
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql

SQL = Folder("grading.maintenance.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateDamage:
    """One date: its rows in scope, its keys, and how many rows a repair would leave.

    `differing_keys` are keys whose rows differ in more than when they were written.
    """

    day: date
    total_rows: int
    distinct_keys: int
    duplicate_keys: int
    differing_keys: int
    kept_rows: int

    @property
    def excess_rows(self) -> int:
        return self.total_rows - self.kept_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Every date of the range, those without damage included; `differing` samples the keys that differ."""

    dates: Sequence[DateDamage]
    differing: Sequence[str] = field(default=())

    @property
    def affected(self) -> Sequence[DateDamage]:
        return [day for day in self.dates if day.excess_rows]

    @property
    def total_rows(self) -> int:
        return sum(day.total_rows for day in self.dates)

    @property
    def kept_rows(self) -> int:
        return sum(day.kept_rows for day in self.dates)

    @property
    def excess_rows(self) -> int:
        return sum(day.excess_rows for day in self.dates)

    @property
    def duplicate_keys(self) -> int:
        return sum(day.duplicate_keys for day in self.dates)

    @property
    def differing_keys(self) -> int:
        return sum(day.differing_keys for day in self.dates)


def survey(
    repaired: RepairTable,
    settings: Settings,
    jobs: Jobs,
    *,
    start: date | None = None,
    end: date | None = None,
    merge_differing: bool,
) -> Damage:
    """Count duplicates in a range of dates; the whole table if none is given."""
    known = jobs.warehouse.columns(repaired.path(settings))
    values = repaired.values(
        settings, known, merge_differing=merge_differing, start=start or FIRST_DAY, end=end or LAST_DAY
    )
    rows = jobs.ask("damage", SQL.fill("damage", **values)).rows
    dates = [
        DateDamage(
            day=row["day"],
            total_rows=row["total_rows"],
            distinct_keys=row["distinct_keys"],
            duplicate_keys=row["duplicate_keys"],
            differing_keys=row["differing_keys"],
            kept_rows=row["distinct_keys"] if merge_differing else row["distinct_rows"],
        )
        for row in rows
    ]
    differing = _differing(values, jobs) if any(day.differing_keys for day in dates) else ()
    return Damage(dates=dates, differing=differing)


def _differing(values: Mapping[str, Sql], jobs: Jobs) -> Sequence[str]:
    rows = jobs.ask("differing", SQL.fill("differing_keys", **values)).rows
    return [_sample(row) for row in rows]


def _sample(row: Mapping[str, object]) -> str:
    key = ", ".join(
        f"{name}={'NULL' if value is None else value}" for name, value in row.items() if name not in _MEASURES
    )
    return f"{key}: {row['copies']} rows, differ in {str(row['differs_in']).replace(' ', ', ')}"


_MEASURES = ("copies", "differs_in")
