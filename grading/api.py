"""The service for callers in Python: one thin class a processor, and `write_graded_results`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from grading import processors
from grading.clock import Deadline
from grading.errors import InvalidRow
from grading.outcome import Outcome
from grading.processors import Processor
from grading.rows import check_rows
from grading.run import Request
from grading.staging import GivenRows
from grading.wiring import Application, application_from_environment
from validation.duplicates import DuplicateReport


class _ProcessorApi:
    """A processor with its application; the environment configures it unless one is given."""

    processor: ClassVar[Processor]

    def __init__(self, application: Application | None = None) -> None:
        self._application = application or application_from_environment()

    def process(
        self, target_date: date | str, *, trigger_source: str = "python", allow_shrink: bool = False
    ) -> Outcome:
        """Compute and publish one date. The outcome tells how it ended; see `grading.outcome.Status`."""
        request = Request(date=_as_date(target_date), trigger_source=trigger_source, allow_shrink=allow_shrink)
        return self._application.service.run(self.processor, request, self._deadline())

    def write_graded_results(
        self, graded_results: Sequence[Mapping[str, Any]], game_date: date | str, use_lock: bool = True
    ) -> Outcome:
        """Replace one date by rows given from Python, through the same fence, validation and alerts.

        Raises `InvalidRow`, before anything is sent, where a row lacks a key column, belongs to another date
        or holds a value that its column cannot: the date keeps what it had. `use_lock=False` is for
        emergencies, and is logged as a warning; the write stays fenced.
        """
        day = _as_date(game_date)
        service = self._application.service
        columns = self._application.warehouse.columns(self._application.settings.target(self.processor.name))
        source = GivenRows(check_rows(graded_results, day, self.processor, columns), columns)
        request = Request(date=day, trigger_source="write_graded_results")
        return service.run(self.processor, request, self._deadline(), source=source, use_lock=use_lock)

    def _deadline(self) -> Deadline:
        settings = self._application.settings
        return Deadline.after(settings.function_timeout_seconds, self._application.clock)


class PredictionAccuracyProcessor(_ProcessorApi):
    """Grades predictions against box scores."""

    processor = processors.PREDICTION_ACCURACY


class SystemDailyPerformanceProcessor(_ProcessorApi):
    """Sums up a date's grades by system."""

    processor = processors.SYSTEM_DAILY_PERFORMANCE


class PerformanceSummaryProcessor(_ProcessorApi):
    """Sums up periods by system and slice, as of a date."""

    processor = processors.PERFORMANCE_SUMMARY


def write_graded_results(
    graded_results: Sequence[Mapping[str, Any]], game_date: date | str, use_lock: bool = True
) -> Outcome:
    """Replace a date of prediction_accuracy by these rows; see the method of the same name."""
    return PredictionAccuracyProcessor().write_graded_results(graded_results, game_date, use_lock)


def auto_remediate_duplicates(
    game_date: date | str, max_count: int = 1000, *, application: Application | None = None
) -> DuplicateReport:
    """Check a date of prediction_accuracy, and remove its duplicates if they are at most `max_count` rows.

    Keeps the earliest `graded_at` of each business key, in one fenced transaction under the date's lock; success,
    failure and refusal are alerted and recorded. Returns what the date holds then. Raises a `GradingError` where
    the date cannot be checked.
    """
    application = application or application_from_environment()
    deadline = Deadline.after(application.settings.function_timeout_seconds, application.clock)
    return application.remediation.run(processors.GRADING, _as_date(game_date), deadline, max_count=max_count)


def _as_date(value: date | str) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidRow(f"game_date {value!r} is not a date: write YYYY-MM-DD") from error
