"""What is said about an event that is not worked on: unreadable, hopeless, or too old."""

from __future__ import annotations

from alerts.alert import Alert
from foundation import commands, figures
from foundation.commands import Day
from foundation.text import alike


def invalid_message(error: str, *, message_id: str | None = None) -> Alert:
    """An event that no one can read, or that names an impossible date; `error` names the value that was wrong."""
    facts = [("Message", message_id)] if message_id else []
    return Alert(
        check="invalid_message",
        severity="WARNING",
        title=f"A message cannot be processed: {error}",
        what_happened="Nothing was graded and nothing was changed. The message is acknowledged: it would fail the "
        "same way each time. Look at who published it; a date that it meant is graded by the next catch-up.",
        subject=error,
        facts=facts,
    )


def event_failed(error: str, *, message_id: str | None = None) -> Alert:
    """An event that can be read, and that fails for a reason that a repeat does not mend."""
    facts = [("Error", error)]
    if message_id:
        facts.append(("Message", message_id))
    return Alert(
        check="event_failed",
        severity="CRITICAL",
        title="An event failed for good",
        what_happened="The date keeps the rows it had. The event is acknowledged: it needs a person's hand, not a "
        "repeat.",
        subject=error,
        facts=facts,
        next_command=commands.after_failure(None, error),
    )


def event_too_old(
    day: Day | None,
    *,
    age_seconds: float,
    max_age_seconds: float,
    message_id: str | None = None,
    caught_up: bool = True,
) -> Alert:
    """An event that was redelivered for longer than its maximum age. `caught_up`: the catch-up looks at its date."""
    if day is None:
        left = "Its schedule sends the next one."
    elif caught_up:
        left = "The date keeps what it had; the next catch-up grades it."
    else:
        left = "The date keeps what it had, and the catch-up does not look at it any more: grade it by hand."
    facts = [("Age", _hours(age_seconds)), ("Maximum age", _hours(max_age_seconds))]
    if message_id:
        facts.append(("Message", message_id))
    return Alert(
        check="event_too_old",
        severity="CRITICAL",
        title=f"An event for {day or 'a task'} was given up after {_hours(age_seconds)}",
        what_happened="The event is acknowledged without work, so that it does not loop for ever. " + left,
        date=None if day is None else str(day),
        subject=None if day else message_id,
        facts=facts,
        next_command=commands.CATCH_UP if day is None else commands.grade(day),
    )


def unexpected_error(error: str, *, where: str, message_id: str | None = None, times: int | None = None) -> Alert:
    """Something failed in a way that nobody has foreseen; `times` if it did so alike in a row."""
    facts = [("Error", error), ("In", where)]
    if message_id:
        facts.append(("Message", message_id))
    often = f" {times} times in a row" if times else ""
    return Alert(
        check="unexpected_error",
        severity="CRITICAL",
        title=f"An error that is not known{often} in {where}",
        what_happened="The date keeps what it had, or holds all of its new rows: never a mixture. The event is "
        "redelivered until it is too old; the log has the whole error.",
        subject=f"{where} {alike(error)}",
        count=times,
        facts=facts,
        next_command=commands.CHECK,
    )


def _hours(seconds: float) -> str:
    return f"{figures.number(seconds / 3600)} h"
