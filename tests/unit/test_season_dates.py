"""The dates on which games are expected."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from foundation.errors import InvalidSettings
from grading.season import Season
from grading.settings import Settings
from validation.checks import CHECKS, with_limits

SEASON = Season.parse("10-20/06-25", "2026-02-13/2026-02-18, 12-24/12-24")


@pytest.mark.parametrize(
    ("day", "holds"),
    [
        ("2025-10-19", False),
        ("2025-10-20", True),
        ("2025-12-31", True),
        ("2026-06-25", True),
        ("2026-06-26", False),
        ("2026-02-12", True),
        ("2026-02-13", False),
        ("2026-02-18", False),
        ("2027-02-18", True),
        ("2024-12-24", False),
        ("2026-12-24", False),
    ],
)
def test_a_season_runs_over_the_end_of_the_year_and_has_breaks(day: str, holds: bool) -> None:
    assert SEASON.holds(date.fromisoformat(day)) is holds


def test_a_season_within_a_year_and_a_break_over_its_end() -> None:
    season = Season.parse("03-01/12-31", "12-30/01-02")
    assert [season.holds(date(2026, *day)) for day in ((2, 28), (3, 1), (12, 29), (12, 31))] == [
        False,
        True,
        True,
        False,
    ]


def test_the_row_before_a_day_ends_at_a_break() -> None:
    day = date(2026, 2, 21)
    assert SEASON.row_before(day, 14) == [day - timedelta(days=1), day - timedelta(days=2)]
    assert SEASON.row_before(date(2026, 8, 1), 14) == []


@pytest.mark.parametrize(("day", "start"), [("2025-10-05", "2025-10-01"), ("2026-01-01", "2025-10-01")])
def test_a_season_starts_with_its_first_month(day: str, start: str) -> None:
    assert SEASON.start(date.fromisoformat(day)) == date.fromisoformat(start)


@pytest.mark.parametrize(
    "given",
    [
        {"season": "10-20"},
        {"season": "2025-10-20/2026-06-25"},
        {"season": "13-01/14-01"},
        {"season_breaks": "02-13"},
        {"season_breaks": "2026-02-18/2026-02-13"},
        {"season_breaks": "2026-02-13/02-18"},
        {"check_limits": "freshness"},
        {"check_limits": "freshness=1"},
        {"check_limits": "freshnes=1:2"},
        {"milestone_win_rate": 52.4},
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings, match=next(iter(given)).upper()):
        Settings(google_cloud_project="p1", **given)  # type: ignore[arg-type]


def test_limits_are_settings() -> None:
    """Those that are not named keep theirs."""
    checks = {check.name: check for check in with_limits("freshness=2:5, inactive_share=0.3:0.6")}
    assert (checks["freshness"].warn, checks["freshness"].fail) == (2, 5)
    assert checks["inactive_share"].threshold == "warns above 30%, fails above 60%"
    assert [check for check in CHECKS if check.name not in ("freshness", "inactive_share")] == [
        check for check in checks.values() if check.name not in ("freshness", "inactive_share")
    ]
