"""The commands that alerts tell people to type, in one place, so that a test can hold them to the CLI."""

from __future__ import annotations

from datetime import date

Day = date | str
"""A date, or its ISO text."""

CATCH_UP = "python -m grading catch-up"
CHECK = "python -m grading check"
LOCKS = "python -m grading locks"


def grade(day: Day, *, processor: str | None = None, allow_shrink: bool = False) -> str:
    """Grade a date, with all processors or one."""
    chosen = f" --processor {processor}" if processor else ""
    return f"python -m grading grade --date {day}{chosen}{' --allow-shrink' if allow_shrink else ''}"


def status(day: Day) -> str:
    """The runs of a date."""
    return f"python -m grading status --date {day}"


def release_lock(day: Day, lock_type: str) -> str:
    """Release a lock by force, after showing its holder."""
    return f"python -m grading locks release {day} --type {lock_type}"


def dedupe(table: str, start: Day, end: Day | None = None) -> str:
    """Preview the repair of duplicates; `table` may carry its dataset, which the command does not take."""
    return f"python -m grading dedupe --table {table.rpartition('.')[2]} --start {start} --end {end or start}"


def ungraded(start: Day, end: Day | None = None) -> str:
    """Predictions without a grade, by cause."""
    return f"python -m grading ungraded --start {start} --end {end or start}"


def resume_backfill(start: Day, end: Day) -> str:
    """Go on with a backfill where it stopped."""
    return f"python -m grading backfill --start {start} --end {end} --resume"


def explain(day: Day) -> str:
    """The story of a date."""
    return f"python -m grading explain {day}"
