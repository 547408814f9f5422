"""What is said about the service as a whole: locks, breaker, repairs, backfills and daily checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from alerts import commands
from alerts.alert import Alert, AlertSeverity
from alerts.commands import Day

Outcome = Literal["pass", "warn", "fail"]
NOT_RUN = "not run"
"""The subject of the alert that a check could not be run: another state than what it would find."""
_SEVERITY: Mapping[Outcome, AlertSeverity] = {"pass": "INFO", "warn": "WARNING", "fail": "CRITICAL"}


def stuck_lock_found(
    day: Day, *, lock_type: str, held_by: str, held_seconds: float, heartbeat_age_seconds: float
) -> Alert:
    """A lock that is held for longer than any run should take, by a holder that may live."""
    return Alert(
        check="stuck_lock",
        severity="WARNING",
        title=f"Lock {lock_type} of {day} has been held for {_minutes(held_seconds)}",
        what_happened="The lock is left alone: its holder may be alive. Others wait for it, then write without it, "
        "just as safely.",
        date=str(day),
        subject=lock_type,
        facts=_lock_facts(held_by, held_seconds, heartbeat_age_seconds),
        next_command=commands.release_lock(day, lock_type),
    )


def stuck_lock_removed(
    day: Day, *, lock_type: str, held_by: str, held_seconds: float, heartbeat_age_seconds: float
) -> Alert:
    """A lock whose holder is dead was removed."""
    return Alert(
        check="stuck_lock_removed",
        severity="WARNING",
        title=f"Stuck lock {lock_type} of {day} was removed after {_minutes(held_seconds)}",
        what_happened="Its holder had stopped renewing it. If that process still lives, it notices the loss and stops "
        "before it writes. Its date may not be graded.",
        date=str(day),
        subject=lock_type,
        facts=_lock_facts(held_by, held_seconds, heartbeat_age_seconds),
        next_command=commands.status(day),
        repeats=True,
    )


def breaker_opened(processor: str, *, failures: int, cool_down_seconds: float, error: str | None = None) -> Alert:
    """The circuit breaker refuses a processor's work for a while."""
    facts = [("Failures in a row", str(failures)), ("Next attempt after", _minutes(cool_down_seconds))]
    if error:
        facts.append(("Last error", error))
    return Alert(
        check="breaker",
        severity="CRITICAL",
        title=f"Circuit breaker of {processor} opened after {failures} failures in a row",
        what_happened="Its events are given back to Pub/Sub without work, and come again. One attempt is let through "
        "after the cool-down; if it succeeds, the breaker closes by itself.",
        processor=processor,
        count=failures,
        facts=facts,
        next_command=commands.CHECK,
        repeats=True,
    )


def breaker_closed(processor: str) -> Alert:
    """The circuit breaker lets work through again."""
    return Alert(
        check="breaker",
        severity="INFO",
        title=f"Circuit breaker of {processor} closed",
        what_happened="An attempt succeeded: events are worked on again. The next catch-up grades what was "
        "missed of the last 7 dates.",
        processor=processor,
        next_command=commands.CATCH_UP,
        repeats=True,
    )


def remediation_succeeded(
    day: Day, *, table: str, processor: str, duplicate_keys: int, rows_removed: int, backup: str | None = None
) -> Alert:
    """Duplicates were repaired without a person's hand."""
    facts = [("Duplicate keys", f"{duplicate_keys:,}"), ("Rows removed", f"{rows_removed:,}")]
    if backup:
        facts.append(("Backup", backup))
    return Alert(
        check="remediation",
        severity="INFO",
        title=f"{duplicate_keys:,} duplicate keys in {table} on {day} were repaired",
        what_happened="The earliest row of each key was kept, under the lock, in one transaction; the check after it "
        "passes.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        next_command=commands.status(day),
        repeats=True,
    )


def remediation_failed(
    day: Day, *, table: str, processor: str, duplicate_keys: int, error: str, max_count: int | None = None
) -> Alert:
    """Duplicates were not repaired: the attempt failed, or there are more than `max_count` of them."""
    facts = [("Duplicate keys", f"{duplicate_keys:,}"), ("Why", error)]
    if max_count is not None:
        facts.append(("Repaired by itself up to", f"{max_count:,}"))
    return Alert(
        check="remediation",
        severity="CRITICAL",
        title=f"{duplicate_keys:,} duplicate keys in {table} on {day} were not repaired",
        what_happened="The date is as it was: complete, with the duplicates in it.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        next_command=commands.dedupe(table, day),
    )


def backfill_finished(
    start: Day,
    end: Day,
    *,
    dates_by_status: Mapping[str, int],
    rows: int,
    duration_seconds: float,
    failed_dates: Sequence[str] = (),
    interrupted: bool = False,
) -> Alert:
    """One message for a whole backfill."""
    done = "interrupted" if interrupted else "finished"
    failed = len(failed_dates)
    severity: AlertSeverity = "CRITICAL" if failed else "WARNING" if interrupted else "INFO"
    return Alert(
        check="backfill",
        severity=severity,
        title=f"Backfill {start} to {end} {done}" + (f": {failed} dates failed" if failed else ""),
        what_happened="Each date that failed or was not reached keeps what it had."
        if failed or interrupted
        else "Every date is complete.",
        date=f"{start} to {end}",
        count=failed,
        facts=[
            ("Rows", f"{rows:,}"),
            ("Took", _minutes(duration_seconds)),
            *((f"Dates {status}", f"{count:,}") for status, count in dates_by_status.items()),
        ],
        samples=list(failed_dates),
        next_command=commands.resume_backfill(start, end) if failed or interrupted else commands.status(end),
        repeats=True,
    )


def quality_check_result(
    *,
    name: str,
    outcome: Outcome,
    figure: str,
    threshold: str,
    next_command: str | None,
    date: str | None = None,
    table: str | None = None,
    count: int | None = None,
    samples: Sequence[str] = (),
    names: Sequence[str] = (),
    not_run: bool = False,
) -> Alert:
    """One daily quality check. `names` are of what it found; `not_run` says that it could not look."""
    return Alert(
        check=f"quality_{name}",
        severity=_SEVERITY[outcome],
        title=f"Quality check {name}: {outcome}, {figure}",
        what_happened="The check only reads: nothing was changed.",
        date=date,
        table=table,
        count=count,
        facts=[("Figure", figure), ("Threshold", threshold)],
        samples=samples,
        next_command=next_command or commands.CHECK,
        subject=NOT_RUN if not_run else None,
        lasting=True,
        names=names,
    )


def duplicate_trend(
    *, table: str, this_week_rate: float, last_week_rate: float, threshold: float = 0.10, week: str | None = None
) -> Alert:
    """Duplicates grow from week to week; rates are shares of the rows, `threshold` the growth allowed."""
    growth = f"{this_week_rate / last_week_rate - 1:+.0%}" if last_week_rate else "from none"
    return Alert(
        check="duplicate_trend",
        severity="WARNING",
        title=f"The duplicate rate of {table} grew week over week ({growth})",
        what_happened="Nothing was changed. Some writer makes duplicates again, or a source delivers them.",
        date=week,
        table=table,
        facts=[
            ("This week", f"{this_week_rate:.3%}"),
            ("Last week", f"{last_week_rate:.3%}"),
            ("Growth allowed", f"{threshold:.0%}"),
        ],
        next_command=commands.CHECK,
        lasting=True,
    )


def _lock_facts(held_by: str, held_seconds: float, heartbeat_age_seconds: float) -> list[tuple[str, str]]:
    return [
        ("Held by", held_by),
        ("Held for", _minutes(held_seconds)),
        ("Last heartbeat", f"{_minutes(heartbeat_age_seconds)} ago"),
    ]


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
