"""Which dates catch-up looks at, for catch-up itself and for whoever says that it will grade a date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

CATCH_UP_DAYS = 7

# The last games of a date end after its midnight, and its scheduled run comes in the morning.
_OVER_AFTER = timedelta(hours=6)
# The schedule runs catch-up several times a day.
_NEXT_RUN = timedelta(hours=24)

LocalDate = Callable[[datetime], date]


def recent(days: int, now: datetime, local_date: LocalDate) -> tuple[date, date]:
    """The first and the last of the last `days` dates that are over."""
    last = local_date(now - _OVER_AFTER) - timedelta(days=1)
    return last - timedelta(days=days - 1), last


def is_looked_at_next(day: date, now: datetime, local_date: LocalDate) -> bool:
    """Whether the next scheduled catch-up still looks at a date; it may run up to 24 hours from now."""
    first, _ = recent(CATCH_UP_DAYS, now + _NEXT_RUN, local_date)
    return day >= first
