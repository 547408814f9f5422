"""The service for callers in Python: the calls that other services and notebooks have, thin.

Everything here is configured by the environment, as the deployed function is. docs/python.md shows each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Literal

from alerts import messages
from alerts.alert import Notifier
from foundation.clock import Deadline
from foundation.errors import GradingError, InvalidRow
from grading import processors
from grading.breaker import GradingCircuitBreaker
from grading.outcome import Outcome
from grading.processors import Processor
from grading.run import Request, Run
from grading.wiring import Application, application_from_environment
from grading.writing.rows import check_rows
from grading.writing.staging import GivenRows
from grading.writing.validate import validate
from validation.duplicates import DuplicateReport

__all__ = [
    "GradingCircuitBreaker",
    "PerformanceSummaryProcessor",
    "PredictionAccuracyProcessor",
    "SystemDailyPerformanceProcessor",
    "auto_remediate_duplicates",
    "send_duplicate_alert",
    "send_lock_failure_alert",
    "write_graded_results",
]


class _ProcessorApi:
    """A processor with its application; the environment configures it unless one is given."""

    processor: ClassVar[Processor]

    def __init__(self, application: Application | None = None) -> None:
        self._application = application or application_from_environment()

    def process_date(
        self,
        game_date: date | str,
        *,
        use_lock: bool = True,
        trigger_source: str = "python",
        allow_shrink: bool = False,
    ) -> Outcome:
        """Compute and publish one date. The outcome says how it ended; see `grading.outcome.Status`.

        `use_lock=False` is for emergencies, and is logged as a warning; the write stays fenced. Raises `InvalidRow`
        for a date that is none.
        """
        request = Request(date=_as_date(game_date), trigger_source=trigger_source, allow_shrink=allow_shrink)
        return self._application.service.run(self.processor, request, self._deadline(), use_lock=use_lock)

    def check_for_duplicates(self, game_date: date | str) -> int:
        """How many business keys of a date have more than one row: 0 if clean, -1 if it could not be checked.

        The reason is logged as `validation_failed`. Raises `InvalidRow` for a date that is none.
        """
        application = self._application
        request = Request(date=_as_date(game_date), trigger_source="check_for_duplicates")
        run = Run.start(self.processor, request, application.settings, application.warehouse, self._deadline())
        try:
            return validate(run).duplicate_keys
        except GradingError as error:
            events = application.events.bind(date=run.lock_key, processor=self.processor.name)
            events.emit("validation_failed", f"the date could not be validated: {error}", "ERROR")
            return -1

    def write_graded_results(
        self, graded_results: Sequence[Mapping[str, Any]], game_date: date | str, use_lock: bool = True
    ) -> Outcome:
        """Replace one date by rows given from Python, through the same fence, validation and alerts.

        Raises `InvalidRow`, before anything is sent, if a row lacks a key column, belongs to another date
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
    failure and refusal are alerted and recorded. Returns what the date holds then. Raises a `GradingError` if
    the date cannot be checked.
    """
    application = application or application_from_environment()
    deadline = Deadline.after(application.settings.function_timeout_seconds, application.clock)
    return application.remediation.run(processors.GRADING, _as_date(game_date), deadline, max_count=max_count)


def send_duplicate_alert(
    target_date: date | str,
    duplicate_count: int,
    *,
    table: str = processors.GRADING.name,
    processor: str = processors.GRADING.name,
    excess_rows: int | None = None,
    notifier: Notifier | None = None,
) -> bool:
    """Tell the person on call about duplicate business keys of a date.

    Args:
        target_date: the date that has them.
        duplicate_count: business keys with more than one row.
        table: the table that was checked.
        processor: who wrote it.
        excess_rows: rows beyond one per key.
        notifier: what carries the alert; by default the one that the environment configures.

    Returns:
        Whether it was delivered. Never raises for a Slack that is down.
    """
    alert = messages.duplicates_found(
        target_date, table=table, processor=processor, duplicate_keys=duplicate_count, excess_rows=excess_rows
    )
    return (notifier or application_from_environment().notifier).send(alert)


def send_lock_failure_alert(
    target_date: date | str,
    lock_type: str = "grading",
    reason: Literal["timeout", "unavailable"] = "timeout",
    *,
    held_by: str | None = None,
    waited_seconds: float | None = None,
    notifier: Notifier | None = None,
) -> bool:
    """Alert the person on call (CRITICAL) that a write ran without its lock; arguments as for the message."""
    alert = messages.lock_failure(
        target_date, lock_type=lock_type, reason=reason, held_by=held_by, waited_seconds=waited_seconds
    )
    return (notifier or application_from_environment().notifier).send(alert)


def _as_date(value: date | str) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidRow(f"game_date {value!r} is not a date: write YYYY-MM-DD") from error
