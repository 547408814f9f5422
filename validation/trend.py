"""Whether duplicates grow from week to week."""

from __future__ import annotations

from dataclasses import dataclass

from validation.quality import Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Rows and excess rows of the last 7 dates and of the 7 before; rates are shares of the rows."""

    rows_this_week: int
    excess_this_week: int
    rows_last_week: int
    excess_last_week: int
    growth_allowed: float = 0.10

    @property
    def this_week(self) -> float:
        return self.excess_this_week / self.rows_this_week if self.rows_this_week else 0.0

    @property
    def last_week(self) -> float:
        return self.excess_last_week / self.rows_last_week if self.rows_last_week else 0.0

    @property
    def grows(self) -> bool:
        """Whether this week's rate exceeds last week's by more than is allowed; from none to any does."""
        return self.this_week > self.last_week * (1 + self.growth_allowed)


def check_duplicate_trend(ask: Ask, growth_allowed: float) -> Trend:
    """Compare the last two weeks, by game date, in the grading table; a growth up to a share of the rate is allowed.

    Raises what `ask` raises.
    """
    return Trend(**{name: int(str(count)) for name, count in ask("trend").items()}, growth_allowed=growth_allowed)
