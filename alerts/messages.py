"""What is said about one date's write: pure functions from facts to an `Alert`.

Every alert says what became of the write and what to type next. Counts of keys and of rows are told
apart: a key with three rows is one duplicate key and two excess rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from alerts import commands
from alerts.alert import Alert
from alerts.commands import Day

SAMPLES_SHOWN = 20
WITHOUT_LOCK = "nobody: the write ran without the lock"


def duplicates_found(
    day: Day,
    *,
    table: str,
    processor: str,
    duplicate_keys: int,
    excess_rows: int | None = None,
    samples: Iterable[object] = (),
    held_by: str | None = None,
    run_id: str | None = None,
) -> Alert:
    """Business keys with more than one row after a write.

    `samples` are duplicated keys whose text says when each of their rows was written. `held_by` is who held
    the lock during the write: an operation or holder, `WITHOUT_LOCK`, or None if unknown.
    """
    facts = [("Duplicate keys", _number(duplicate_keys))]
    if excess_rows is not None:
        facts.append(("Excess rows", _number(excess_rows)))
    facts.append(("Lock held by", held_by or "unknown"))
    if run_id:
        facts.append(("Run", run_id))
    return Alert(
        check="duplicates",
        severity="CRITICAL",
        title=f"{_counted(duplicate_keys, 'duplicate business key')} in {table} on {day}",
        what_happened="The write is committed and the run did not fail. The date holds every key, some of them "
        "more than once: figures computed from it count those twice until it is repaired.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        samples=[str(sample) for sample in samples][:SAMPLES_SHOWN],
        next_command=commands.dedupe(table, day),
    )


def staged_duplicates(
    day: Day,
    *,
    table: str,
    processor: str,
    duplicate_keys: int,
    excess_rows: int | None = None,
    run_id: str | None = None,
) -> Alert:
    """Business keys with more than one row before the write: one of each was kept."""
    facts = [("Duplicate keys staged", _number(duplicate_keys))]
    if excess_rows is not None:
        facts.append(("Rows dropped", _number(excess_rows)))
    if run_id:
        facts.append(("Run", run_id))
    return Alert(
        check="staged_duplicates",
        severity="WARNING",
        title=f"{_counted(duplicate_keys, 'duplicate business key')} staged for {table} on {day}",
        what_happened="One row of each key was kept before anyone could see them: the date has no duplicate from this. "
        "The cause is in what was read: look for duplicate rows in the input tables.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        next_command=commands.CHECK,
    )


def lock_failure(
    day: Day,
    *,
    lock_type: str,
    reason: Literal["timeout", "unavailable"],
    table: str | None = None,
    processor: str | None = None,
    held_by: str | None = None,
    waited_seconds: float | None = None,
    detail: str | None = None,
) -> Alert:
    """The write ran without its lock: it waited too long (`timeout`) or the store is down (`unavailable`)."""
    facts = [("Lock", f"{lock_type}_locks/{lock_type}_{day}")]
    if reason == "timeout":
        title = f"Lock {lock_type} of {day} was not free in time"
        facts.append(("Held by", held_by or "unknown"))
        next_command = commands.release_lock(day, lock_type)
    else:
        title = f"The lock service is down: {lock_type} of {day} ran without its lock"
        facts.append(("Held by", held_by or "unknown: the lock service does not answer"))
        next_command = commands.LOCKS
    if waited_seconds is not None:
        facts.append(("Waited", f"{waited_seconds:.1f} s"))
    if detail:
        facts.append(("Detail", detail))
    return Alert(
        check="lock_failure",
        severity="CRITICAL",
        title=title,
        what_happened="The write proceeds without the lock, and is as safe as with it: one transaction replaces "
        "the date, and its fence refuses data that is older than what was published. Only time is lost, when two "
        "runs do the same work.",
        date=str(day),
        table=table,
        processor=processor,
        subject=lock_type,
        facts=facts,
        next_command=next_command,
    )


def shrunk(
    day: Day,
    *,
    table: str,
    processor: str,
    staged_keys: int,
    present_keys: int,
    min_fraction: float = 0.9,
    lost: str = "",
) -> Alert:
    """The publish was refused, because far fewer keys were staged than the date has, or because values would be lost.

    `lost` says which values.
    """
    if lost:
        return Alert(
            check="shrunk",
            severity="CRITICAL",
            title=f"{table} on {day} would lose values that no run computes",
            what_happened=f"Nothing was published: {lost}. If they may go, allow it with the command.",
            date=str(day),
            table=table,
            processor=processor,
            count=staged_keys,
            facts=[("Keys staged", _number(staged_keys)), ("Keys present", _number(present_keys))],
            next_command=commands.grade(day, processor=processor, allow_shrink=True),
        )
    return Alert(
        check="shrunk",
        severity="CRITICAL",
        title=f"{table} on {day} would shrink from {_number(present_keys)} to {_number(staged_keys)} keys",
        what_happened="Nothing was published: the date keeps the rows it had. Most often an upstream table was being "
        "reloaded; the next run then succeeds by itself. If the smaller result is right, allow it with the command.",
        date=str(day),
        table=table,
        processor=processor,
        count=staged_keys,
        facts=[
            ("Keys staged", _number(staged_keys)),
            ("Keys present", _number(present_keys)),
            ("Smallest share allowed", f"{min_fraction:.0%}"),
        ],
        next_command=commands.grade(day, processor=processor, allow_shrink=True),
    )


def no_predictions(day: Day, *, table: str, processor: str) -> Alert:
    """There was nothing to grade."""
    return Alert(
        check="no_predictions",
        severity="WARNING",
        title=f"No predictions to grade on {day}",
        what_happened="Nothing was published: the date keeps what it had. On a day without games this is right.",
        date=str(day),
        table=table,
        processor=processor,
        next_command=commands.ungraded(day),
    )


def no_actuals(day: Day, *, table: str, processor: str, predictions: int | None = None) -> Alert:
    """The box scores are not in yet."""
    return Alert(
        check="no_actuals",
        severity="WARNING",
        title=f"No box scores for {day} yet",
        what_happened="Nothing was published: the date keeps what it had. The next catch-up grades it once the box "
        "scores are in.",
        date=str(day),
        table=table,
        processor=processor,
        count=predictions,
        facts=[] if predictions is None else [("Predictions waiting", _number(predictions))],
        next_command=commands.CATCH_UP,
    )


def partial_coverage(
    day: Day,
    *,
    table: str,
    processor: str,
    graded: int,
    gradable: int,
    min_coverage: float,
    ungraded_by_reason: Mapping[str, int] | None = None,
) -> Alert:
    """Graded, but too few of the predictions have a box score."""
    coverage = graded / gradable if gradable else 0.0
    reasons = [(f"Ungraded: {reason}", _number(count)) for reason, count in (ungraded_by_reason or {}).items()]
    return Alert(
        check="partial_coverage",
        severity="WARNING",
        title=f"Only {coverage:.0%} of {day}'s predictions could be graded",
        what_happened="What has a box score is graded and published. The next catch-up grades the rest once their box "
        "scores are in.",
        date=str(day),
        table=table,
        processor=processor,
        count=gradable - graded,
        facts=[
            ("Graded", f"{_number(graded)} of {_number(gradable)}"),
            ("Least coverage", f"{min_coverage:.0%}"),
            *reasons,
        ],
        next_command=commands.ungraded(day),
    )


def processor_failed(
    day: Day,
    *,
    processor: str,
    error: str,
    transient: bool,
    table: str | None = None,
    run_id: str | None = None,
    others: Mapping[str, str] | None = None,
) -> Alert:
    """One processor failed; `others` says how the others of the same event ended (name to status)."""
    retried = (
        "The event is redelivered and tried again." if transient else "A repeat cannot help: it needs a person's hand."
    )
    facts = [("Error", error), *((f"Processor {name}", outcome) for name, outcome in (others or {}).items())]
    if run_id:
        facts.append(("Run", run_id))
    return Alert(
        check="processor_failed",
        severity="WARNING" if transient else "CRITICAL",
        title=f"{processor} failed for {day}",
        what_happened=f"Its date keeps the rows it had, or holds all of the new ones: never a mixture. The other "
        f"processors are not undone. {retried}",
        date=str(day),
        table=table,
        processor=processor,
        subject=None if table else processor,
        facts=facts,
        next_command=commands.status(day) if transient else commands.grade(day, processor=processor),
    )


def resolved(check: str, *, table: str | None, date: str | None, title: str | None = None) -> Alert:
    """What an earlier alert told of is over."""
    place = " ".join(part for part in (f"of {table}" if table else "", f"on {date}" if date else "") if part)
    return Alert(
        check=check,
        severity="INFO",
        title=f"Resolved: {check} {place}".rstrip(),
        what_happened=f"The latest check passes. Earlier alert: {title}" if title else "The latest check passes.",
        date=date,
        table=table,
        repeats=True,
    )


def _number(value: int) -> str:
    return f"{value:,}"


def _counted(value: int, noun: str) -> str:
    return f"{value:,} {noun}{'' if value == 1 else 's'}"
