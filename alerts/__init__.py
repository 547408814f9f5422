"""Slack alerts: what is said (messages), how it travels (slack), and where its address lives (secret)."""

from __future__ import annotations

from typing import Literal

from alerts import messages
from alerts.alert import Alert, Notifier
from alerts.commands import Day

__all__ = ["Alert", "Notifier", "send_duplicate_alert", "send_lock_failure_alert"]


def send_duplicate_alert(
    target_date: Day,
    duplicate_count: int,
    *,
    table: str = "prediction_accuracy",
    processor: str = "prediction_accuracy",
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
    return (notifier or _configured()).send(alert)


def send_lock_failure_alert(
    target_date: Day,
    lock_type: str = "grading",
    reason: Literal["timeout", "unavailable"] = "timeout",
    *,
    held_by: str | None = None,
    waited_seconds: float | None = None,
    notifier: Notifier | None = None,
) -> bool:
    """Tell the person on call (CRITICAL) that a write ran without its lock; arguments as for the message."""
    alert = messages.lock_failure(
        target_date, lock_type=lock_type, reason=reason, held_by=held_by, waited_seconds=waited_seconds
    )
    return (notifier or _configured()).send(alert)


def _configured() -> Notifier:
    # Only here: the wiring imports this package.
    from grading.wiring import notifier_from_environment

    return notifier_from_environment()
