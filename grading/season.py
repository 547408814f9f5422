"""When games are played: the season of each year, and its breaks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from foundation.errors import InvalidSettings

MonthDay = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Season:
    """The dates on which games are expected.

    `first` and `last` are month and day; a season may run over the end of the year. A break is a pair of dates, or of
    months and days if it comes each year; both ends belong to it.
    """

    first: MonthDay
    last: MonthDay
    breaks: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, season: str, breaks: str) -> Season:
        """Read `MM-DD/MM-DD`, and breaks like `02-13/02-18,2026-12-24/2026-12-24`.

        Raises `InvalidSettings` for what is neither.
        """
        first, last = _pair("SEASON", season)
        if len(first) != 5 or len(last) != 5:
            raise InvalidSettings(f"SEASON={season!r}: write MM-DD/MM-DD, as 10-20/06-25")
        return cls(_month_day(first), _month_day(last), tuple(_pair("SEASON_BREAKS", part) for part in _parts(breaks)))

    def holds(self, day: date) -> bool:
        """Whether games are expected: in the season, and in none of its breaks."""
        return _between(self.first, (day.month, day.day), self.last) and not any(
            _within(day, first, last) for first, last in self.breaks
        )

    def row_before(self, day: date, days: int) -> list[date]:
        """The dates with games expected that come right before `day`, unbroken, at most `days`; the latest first."""
        found: list[date] = []
        for back in range(1, days + 1):
            one = day - timedelta(days=back)
            if not self.holds(one):
                break
            found.append(one)
        return found

    def start(self, day: date) -> date:
        """The first of the month in which the season of `day` began, or the last one before it."""
        year = day.year if (day.month, 1) >= (self.first[0], 1) else day.year - 1
        return date(year, self.first[0], 1)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pair(setting: str, text: str) -> tuple[str, str]:
    first, slash, last = (part.strip() for part in text.partition("/"))
    try:
        if not slash or len(first) != len(last):
            raise ValueError
        for part in (first, last):
            date.fromisoformat(part if len(part) == 10 else f"2024-{part}")
        if len(first) == 10 and first > last:
            raise ValueError
    except ValueError:
        raise InvalidSettings(
            f"{setting}: {text!r} is no pair of dates: write MM-DD/MM-DD, or YYYY-MM-DD/YYYY-MM-DD for one year; "
            f"several breaks are parted by commas"
        ) from None
    return first, last


def _month_day(text: str) -> MonthDay:
    month, _, day = text.partition("-")
    return int(month), int(day)


def _within(day: date, first: str, last: str) -> bool:
    if len(first) == 10:
        return first <= day.isoformat() <= last
    return _between(_month_day(first), (day.month, day.day), _month_day(last))


def _between(first: MonthDay, day: MonthDay, last: MonthDay) -> bool:
    return first <= day <= last if first <= last else day >= first or day <= last
