"""Whether duplicates grow from week to week."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from grading.clock import Deadline
from grading.settings import Settings
from grading.statements import fragment
from grading.warehouse import Warehouse
from validation.quality import Window, check_values

GROWTH_ALLOWED = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Rows and excess rows of the last 7 dates and the 7 before; rates are shares of the rows."""

    today: date
    rows_this_week: int
    excess_this_week: int
    rows_last_week: int
    excess_last_week: int

    @property
    def this_week(self) -> float:
        return self.excess_this_week / self.rows_this_week if self.rows_this_week else 0.0

    @property
    def last_week(self) -> float:
        return self.excess_last_week / self.rows_last_week if self.rows_last_week else 0.0

    @property
    def grows(self) -> bool:
        """Whether this week's rate exceeds last week's by more than is allowed; from none to any does."""
        return self.this_week > self.last_week * (1 + GROWTH_ALLOWED)


def check_duplicate_trend(settings: Settings, warehouse: Warehouse, deadline: Deadline, today: date) -> Trend:
    """Compare the two weeks before `today`, by game date, in the grading table."""
    values = check_values(settings, Window(today, 7), ["game_date"])
    statement = fragment("checks/trend", **values)
    found = warehouse.run(statement, job_id=f"grading-trend-{uuid.uuid4().hex}", deadline=deadline).first
    return Trend(today=today, **found)
