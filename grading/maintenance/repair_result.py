"""How the repair of a date ended, and how that follows from its publish, its verification and its being put back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from foundation.errors import GradingError
from grading.maintenance.backup import Backup
from grading.maintenance.comparison import WrittenSince
from grading.outcome import Status, Written
from grading.run import Run


class Result(StrEnum):
    """What became of a date."""

    REPAIRED = "repaired"
    UNCHANGED = "unchanged"
    WRITTEN_SINCE = "written since"
    PUT_BACK = "put back"
    FAILED = "failed"

    @property
    def good(self) -> bool:
        return self in (Result.REPAIRED, Result.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateResult:
    """One date's repair: its rows before and after, and in words what an operator must know."""

    date: date
    result: Result
    rows_before: int = 0
    rows_after: int = 0
    run_id: str = ""
    detail: str = ""


Wrong = str | GradingError
"""What is wrong with a date after the publish, empty if nothing is; or why that is not known."""


def published(run: Run, found: Written | GradingError) -> DateResult:
    """How the publish of the run's date ended; `repaired` if there is something to be verified."""
    if isinstance(found, WrittenSince):
        return DateResult(date=run.date, result=Result.WRITTEN_SINCE, detail=str(found))
    if isinstance(found, GradingError):
        return DateResult(date=run.date, result=Result.FAILED, detail=str(found))
    if found.status is not Status.REPAIRED:
        return DateResult(date=run.date, result=Result.FAILED, detail=f"{found.status}: nothing was changed")
    return DateResult(
        date=run.date,
        result=Result.REPAIRED,
        rows_before=found.present_rows,
        rows_after=found.staged_keys + found.staged_excess_rows,
        run_id=run.run_id,
    )


def verified(result: DateResult, wrong: Wrong, fallback: Backup) -> DateResult:
    """The result of a repaired date that is right, or of which that is not known."""
    if isinstance(wrong, WrittenSince):
        return replace(result, result=Result.WRITTEN_SINCE, detail=f"repaired, and then: {wrong}")
    if isinstance(wrong, GradingError):
        return _not_put_back(result, str(wrong), fallback)
    return result


def put_back(result: DateResult, wrong: str, found: Written | GradingError, fallback: Backup) -> DateResult:
    """The result of a date whose rows were wrong; `found` is how the publish of the old state ended."""
    if isinstance(found, WrittenSince):
        return verified(result, found, fallback)
    if isinstance(found, GradingError):
        return _not_put_back(result, str(found), fallback)
    if found.status is not Status.REPAIRED:
        return _not_put_back(result, f"{found.status}: nothing was changed", fallback)
    detail = f"{wrong}: the old state was put back"
    return replace(result, result=Result.PUT_BACK, rows_after=result.rows_before, detail=detail)


def _not_put_back(result: DateResult, error: str, fallback: Backup) -> DateResult:
    detail = f"not verified, and not put back: {error}. To put it back: {fallback.undo_command}"
    return replace(result, result=Result.FAILED, detail=detail)
