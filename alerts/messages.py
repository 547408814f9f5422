"""What is said about one date's write: pure functions from facts to an `Alert`.

Every alert says what became of the write and what to type next. Counts of keys and of rows are given
apart: a key with three rows is one duplicate key and two excess rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from alerts.alert import Alert
from foundation import commands, figures
from foundation.commands import Day

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
        title=f"{figures.counted(duplicate_keys, 'duplicate business key')} in {table} on {day}",
        what_happened="The write is committed and the run did not fail. The date holds every key, some of them "
        "more than once: figures computed from it count those twice until it is repaired.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        samples=[str(sample) for sample in samples][:SAMPLES_SHOWN],
        next_command=commands.dedupe(table, day, day),
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
        title=f"{figures.counted(duplicate_keys, 'duplicate business key')} staged for {table} on {day}",
        what_happened="One row of each key was kept before anyone could see them: the date has no duplicate from this. "
        "The cause is in what was read: look for duplicate rows in the input tables.",
        date=str(day),
        table=table,
        processor=processor,
        count=duplicate_keys,
        facts=facts,
        next_command=commands.CHECK,
        lasting=True,
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
    else:
        title = f"The lock service is down: {lock_type} of {day} ran without its lock"
        facts.append(("Held by", held_by or "unknown: the lock service does not answer"))
    if waited_seconds is not None:
        facts.append(("Waited", figures.span(waited_seconds)))
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
        next_command=commands.LOCKS,
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
        "reloaded; the next run then succeeds by itself. Look first whether the date's predictions and box scores are "
        "whole.",
        date=str(day),
        table=table,
        processor=processor,
        count=staged_keys,
        facts=[
            ("Keys staged", _number(staged_keys)),
            ("Keys present", _number(present_keys)),
            ("Smallest share allowed", figures.share(min_fraction)),
        ],
        next_command=commands.preview(day),
        lasting=True,
    )


def rows_missing(day: Day, *, table: str, processor: str, published: int, present: int, run_id: str) -> Alert:
    """Fewer rows are there than the run published, and nobody has published the date since."""
    return Alert(
        check="rows_missing",
        severity="CRITICAL",
        title=f"{_number(published - present)} of {_number(published)} published rows of {table} on {day} are missing",
        what_happened="The write was committed, and rows of it are gone: someone deleted them, or the partition has "
        "expired. The event is acknowledged; the next catch-up grades the date again. Look for who deletes from the "
        "table, and at its partition expiration.",
        date=str(day),
        table=table,
        processor=processor,
        count=published - present,
        facts=[("Rows published", _number(published)), ("Rows present", _number(present)), ("Run", run_id)],
        next_command=commands.grade(day, processor=processor),
    )


def no_predictions(day: Day, *, table: str, processor: str, present_rows: int) -> Alert:
    """There is nothing to grade on a date that was graded before."""
    return Alert(
        check="no_predictions",
        severity="WARNING",
        title=f"No predictions to grade on {day}, which has {figures.counted(present_rows, 'grade')}",
        what_happened="Nothing was published: the date keeps what it had. Its predictions were there when it was "
        "graded, and are gone or do not count any more.",
        date=str(day),
        table=table,
        processor=processor,
        facts=[("Rows present", _number(present_rows))],
        next_command=commands.ungraded(day),
        lasting=True,
    )


def no_actuals(
    day: Day, *, table: str, processor: str, predictions: int | None = None, caught_up: bool = True
) -> Alert:
    """The box scores are not in yet. `caught_up` says that the catch-up still looks at the date."""
    return Alert(
        check="no_actuals",
        severity="WARNING",
        title=f"No box scores for {day} yet",
        what_happened="Nothing was published: the date keeps what it had. Box scores of games older than a day are "
        f"missing: ask for them. {_once_in(caught_up, 'it')}",
        date=str(day),
        table=table,
        processor=processor,
        count=predictions,
        facts=[] if predictions is None else [("Predictions waiting", _number(predictions))],
        next_command=commands.CATCH_UP if caught_up else commands.grade(day),
        lasting=True,
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
    caught_up: bool = True,
    silent_games: str = "",
    silent_systems: str = "",
) -> Alert:
    """Graded, but too few of the predictions have a box score.

    `caught_up` says that the catch-up still looks at the date; `silent_…` name what has no grade at all.
    """
    coverage = graded / gradable if gradable else 0.0
    reasons = [(f"Ungraded: {reason}", _number(count)) for reason, count in (ungraded_by_reason or {}).items()]
    return Alert(
        check="partial_coverage",
        severity="WARNING",
        title=f"Only {figures.share(coverage)} of {day}'s predictions could be graded",
        what_happened=f"What has a box score is graded and published. {_once_in(caught_up, 'the rest')}",
        date=str(day),
        table=table,
        processor=processor,
        count=gradable - graded,
        facts=[
            ("Graded", f"{_number(graded)} of {_number(gradable)}"),
            ("Least coverage", figures.share(min_coverage)),
            *reasons,
            *_silent(silent_games, silent_systems),
        ],
        next_command=commands.ungraded(day),
        lasting=True,
    )


def grades_missing(day: Day, *, table: str, processor: str, silent_games: str = "", silent_systems: str = "") -> Alert:
    """Graded, but a whole game or a whole system has not one grade; each argument names them, with commas between."""
    silent = _silent(silent_games, silent_systems)
    told = "; ".join(f"{name.lower()}: {names}" for name, names in silent)
    return Alert(
        check="grades_missing",
        severity="WARNING",
        title=f"{day} has {told}",
        what_happened="What has a box score is graded and published. The command says why the rest is not.",
        date=str(day),
        table=table,
        processor=processor,
        count=sum(names.count(",") + 1 for _, names in silent),
        facts=silent,
        next_command=commands.ungraded(day),
    )


def keys_removed(day: Day, *, table: str, processor: str, removed: int, names: Sequence[str], run_id: str) -> Alert:
    """A run took keys away that the date had before; `names` are up to 20 of them."""
    return Alert(
        check="keys_removed",
        severity="WARNING",
        title=f"{figures.counted(removed, 'graded key')} of {day} {'is' if removed == 1 else 'are'} gone from {table}",
        what_happened="The run is published. Their predictions do not count any more, or have no box score: most often "
        "they were deactivated or invalidated meanwhile. If that is wrong, mend them upstream and grade again.",
        date=str(day),
        table=table,
        processor=processor,
        count=removed,
        facts=[("Run", run_id)],
        samples=list(names)[:SAMPLES_SHOWN],
        next_command=commands.grade(day, processor=processor),
        repeats=True,
    )


def game_ids_differ(day: Day, *, table: str, processor: str, grades: int, of: int, names: Sequence[str]) -> Alert:
    """Grades by a box score of another game id; `of` is how many the date has, `names` are up to 20 pairs of ids.

    It is one state for all dates: told if it is new, and if the share of the grades grows by a tenth.
    """
    return Alert(
        check="game_ids_differ",
        severity="WARNING",
        title=f"{figures.counted(grades, 'grade')} of {day} by a box score of another game id",
        what_happened="They are graded: the player has one game on the date, and the ids do not name other teams. "
        "Predictions and box scores should name a game alike: mend the one that is wrong upstream.",
        table=table,
        processor=processor,
        count=10 * (10 * grades // of) if of else 0,
        facts=[("Date", str(day)), ("Grades", f"{_number(grades)} of {_number(of)}")],
        samples=list(names)[:SAMPLES_SHOWN],
        next_command=commands.ungraded(day),
        grows=True,
    )


def _silent(games: str, systems: str) -> list[tuple[str, str]]:
    named = (("Games without a grade", games), ("Systems without a grade", systems))
    return [(name, names) for name, names in named if names]


def _once_in(caught_up: bool, what: str) -> str:
    if caught_up:
        return f"The next catch-up grades {what} once the box scores are in."
    return f"The catch-up does not look at the date any more: grade {what} by hand once the box scores are in."


def processor_failed(
    day: Day,
    *,
    processor: str,
    error: str,
    transient: bool,
    table: str | None = None,
    run_id: str | None = None,
) -> Alert:
    """One processor failed."""
    retried = (
        "The event is redelivered and tried again." if transient else "A repeat cannot help: it needs a person's hand."
    )
    facts = [("Error", error)]
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
        next_command=commands.after_failure(day, error),
    )


def resolved(check: str, *, table: str | None, date: str | None, title: str | None = None) -> Alert:
    """What an earlier alert reported is over."""
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
