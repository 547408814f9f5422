"""What is said about the service as a whole: locks, breaker, repairs, backfills and daily checks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from alerts.alert import Alert, AlertSeverity
from foundation import commands, figures
from foundation.commands import Day

UNFINISHED = "backfill_unfinished"

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
        title=f"Lock {lock_type} of {day} has been held for {figures.span(held_seconds)}",
        what_happened="The lock is left alone: its holder may be alive. Others wait for it, then write without it, "
        "just as safely.",
        date=str(day),
        subject=lock_type,
        facts=_lock_facts(held_by, held_seconds, heartbeat_age_seconds),
        next_command=commands.LOCKS,
    )


def stuck_lock_removed(
    day: Day, *, lock_type: str, held_by: str, held_seconds: float, heartbeat_age_seconds: float
) -> Alert:
    """A lock whose holder is dead was removed."""
    return Alert(
        check="stuck_lock_removed",
        severity="WARNING",
        title=f"Stuck lock {lock_type} of {day} was removed after {figures.span(held_seconds)}",
        what_happened="Its holder had stopped renewing it. If that process still lives, it notices the loss and stops "
        "before it writes. Its date may not be graded; to grade it twice does no harm.",
        date=str(day),
        subject=lock_type,
        facts=_lock_facts(held_by, held_seconds, heartbeat_age_seconds),
        next_command=commands.grade(day) if _is_date(day) else commands.CATCH_UP,
        repeats=True,
    )


def breaker_opened(processor: str, *, failures: int, cool_down_seconds: float, error: str | None = None) -> Alert:
    """The circuit breaker refuses a processor's work for a while."""
    facts = [("Failures in a row", str(failures)), ("Next attempt after", figures.span(cool_down_seconds))]
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
        next_command=commands.status(),
        repeats=True,
    )


def breaker_closed(processor: str) -> Alert:
    """The circuit breaker lets work through again."""
    return Alert(
        check="breaker",
        severity="INFO",
        title=f"Circuit breaker of {processor} closed",
        what_happened="An attempt succeeded: events are worked on again. Of the dates that were missed, the "
        "next catch-up grades those of the last 7 days.",
        processor=processor,
        next_command=commands.CATCH_UP,
        repeats=True,
    )


def remediation_succeeded(day: Day, *, table: str, processor: str, duplicate_keys: int, rows_removed: int) -> Alert:
    """Duplicates were repaired without a person's hand."""
    facts = [("Duplicate keys", f"{duplicate_keys:,}"), ("Rows removed", f"{rows_removed:,}")]
    return Alert(
        check="remediation",
        severity="INFO",
        title=f"{figures.counted(duplicate_keys, 'duplicate key')} in {table} on {day} "
        f"{'was' if duplicate_keys == 1 else 'were'} repaired",
        what_happened="The earliest row of each key was kept, under the lock, in one transaction; the check after it "
        "passes. What was computed from the date before is out of date: the command brings it up to date.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        next_command=commands.recompute(day, "today"),
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
        title=f"{figures.counted(duplicate_keys, 'duplicate key')} in {table} on {day} "
        f"{'was' if duplicate_keys == 1 else 'were'} not repaired",
        what_happened="The date is as it was: complete, with the duplicates in it.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        next_command=commands.dedupe(table, day, day),
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
        title=f"Backfill {start} to {end} {done}" + (f": {figures.counted(failed, 'date')} failed" if failed else ""),
        what_happened="Each date that failed or was not reached keeps what it had."
        if failed or interrupted
        else "Every date is complete.",
        date=f"{start} to {end}",
        count=failed,
        facts=[
            ("Rows", f"{rows:,}"),
            ("Took", figures.span(duration_seconds)),
            *((f"Dates {status}", f"{count:,}") for status, count in dates_by_status.items()),
        ],
        samples=list(failed_dates),
        next_command=commands.resume_backfill(start, end) if failed or interrupted else commands.status(end),
        repeats=True,
    )


def backfill_unfinished(
    start: Day, end: Day, *, runs_left: int, runs_done: int, silent_seconds: float, command: str
) -> Alert:
    """A backfill ended before it was done, without a message: it was killed, or interrupted and not resumed."""
    return Alert(
        check=UNFINISHED,
        severity="WARNING",
        title=f"Backfill {start} to {end} ended with {figures.counted(runs_left, 'run')} left",
        what_happened="Nothing has been heard of it for a while, and none of its locks is renewed. Each date holds all "
        "of its old rows or all of its new ones. The command goes on with what is left.",
        date=f"{start} to {end}",
        count=runs_left,
        facts=[
            ("Runs done", f"{runs_done:,}"),
            ("Runs left", f"{runs_left:,}"),
            ("Last heard of", f"{figures.span(silent_seconds)} ago"),
        ],
        next_command=command,
    )


def quality_check_result(
    *,
    name: str,
    meaning: str,
    outcome: Outcome,
    figure: str,
    threshold: str,
    next_command: str | None,
    count: int | None = None,
    samples: Sequence[str] = (),
    names: Sequence[str] = (),
    not_run: bool = False,
) -> Alert:
    """One daily quality check: `meaning` says what the figure is, `names` are of what it found, and `not_run` says that
    it could not look.
    """
    return Alert(
        check=f"quality_{name}",
        severity=_SEVERITY[outcome],
        title=f"Quality check {name}: {outcome}, {figure}",
        what_happened=f"The figure is {meaning}. The check only reads: nothing was changed.",
        count=count,
        facts=[("Figure", figure), ("Threshold", threshold)],
        samples=samples,
        next_command=next_command or commands.CHECK,
        subject=NOT_RUN if not_run else None,
        lasting=True,
        names=names,
    )


def duplicate_trend(*, table: str, this_week_rate: float, last_week_rate: float, threshold: float = 0.10) -> Alert:
    """Duplicates grow from week to week; rates are shares of the rows, `threshold` the growth allowed."""
    growth = f"{this_week_rate / last_week_rate - 1:+.0%}" if last_week_rate else "from none"
    return Alert(
        check="duplicate_trend",
        severity="WARNING",
        title=f"The duplicate rate of {table} grew week over week ({growth})",
        what_happened="Nothing was changed. Some writer makes duplicates again, or a source delivers them.",
        table=table,
        facts=[
            ("This week", figures.share(this_week_rate, 3)),
            ("Last week", figures.share(last_week_rate, 3)),
            ("Growth allowed", figures.share(threshold)),
        ],
        next_command=commands.CHECK,
        lasting=True,
    )


def _lock_facts(held_by: str, held_seconds: float, heartbeat_age_seconds: float) -> list[tuple[str, str]]:
    return [
        ("Held by", held_by),
        ("Held for", figures.span(held_seconds)),
        ("Last heartbeat", f"{figures.span(heartbeat_age_seconds)} ago"),
    ]


def _is_date(key: Day) -> bool:
    """Whether a lock's key is a date: that of a publish is a table's name."""
    return isinstance(key, date) or bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", key))
