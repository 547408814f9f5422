"""Two transactions that meet: the case that no emulator shows, and on which the fence rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from conformance.assertion import (
    Ability,
    Effort,
    Observed,
    Source,
    asserts,
    differs,
    holds,
    missed,
)
from conformance.place import APPENDED, Place, day
from conformance.scripts import Attempt, raw, session, statements
from foundation.errors import GradingError, GuardRaised, PublishConflict
from warehouse.statements import literal

CONCURRENCY = Source(
    "https://docs.cloud.google.com/bigquery/docs/transactions#transaction_concurrency",
    "If a transaction mutates rows in a table, other transactions that mutate rows in the same table cannot run "
    "concurrently; conflicting transactions are cancelled. INSERT statements may run beside it.",
)
SNAPSHOT = Source(
    "https://docs.cloud.google.com/bigquery/docs/transactions",
    "Transactions support snapshot isolation: all reads return a consistent snapshot of the tables.",
)
JOBS = ("jobs.insert", "jobs.get", "jobs.getQueryResults", "tables.get")
_SESSION_SECONDS = 60.0
_BEFORE_COMMIT = -2  # of the script's statements: INSERT of the rows, COMMIT


@dataclass(frozen=True, slots=True)
class _Span:
    started: datetime
    ended: datetime

    def overlaps(self, other: _Span) -> bool:
        return max(self.started, other.started) < min(self.ended, other.ended)


def _span(place: Place, attempt: Attempt) -> _Span | None:
    """From the first to the last statement of a script; None if the server does not report it."""
    jobs = [*place.children(attempt.job_id)] or [attempt.job()]
    times = [(job.started, job.ended) for job in jobs if job.started and job.ended]
    return _Span(min(started for started, _ in times), max(ended for _, ended in times)) if times else None


@asserts(
    1,
    promise="Of two publish scripts that run at once on one table, exactly one is aborted, as a conflict.",
    why="Both would commit otherwise: two runs' rows on one date, which is the damage that this service ends.",
    how="Two scripts, staged for two dates of one table, are sent at the same moment. Counts only if they overlapped.",
    documented=[CONCURRENCY],
    calls=[*JOBS, "jobs.list"],
    effort=Effort(statements=75, tables=110, seconds=45),
    needs=[Ability.CONCURRENCY],
)
def two_publishes_at_once(place: Place) -> Observed:
    for number in range(place.pace.rounds):
        runs = [place.run(when) for when in place.days(0, 2)]
        scripts = [place.script(run, place.staged(run)) for run in runs]
        attempts = [Attempt(place, script) for script in scripts]
        for attempt in attempts:
            attempt.start()
        for attempt in attempts:
            attempt.finish()
        spans = [_span(place, attempt) for attempt in attempts]
        if any(span is None for span in spans) or not spans[0].overlaps(spans[1]):  # type: ignore[union-attr, arg-type]
            continue
        return _two_ended(attempts, number + 1)
    return missed(f"the two scripts did not overlap in {place.pace.rounds} attempts: run it again")


def _two_ended(attempts: Sequence[Attempt], rounds: int) -> Observed:
    failed = [attempt.error for attempt in attempts if attempt.error]
    answers = [raw(error) for error in failed]
    figures = {"rounds": rounds, "aborted": len(failed), "answers": answers}
    if not failed:
        return differs("both scripts committed, though they ran at once", **figures)
    if not all(isinstance(error, PublishConflict) for error in failed):
        return differs(f"the service did not take the failure for a conflict: {failed[0]}", **figures)
    if len(failed) == len(attempts):
        return differs("both scripts were aborted: nothing was lost, and neither was published", **figures)
    return holds(f"one committed, one was aborted: {answers[0]['text']}", **figures)


@asserts(
    2,
    promise="A publish that commits between another's BEGIN and its MERGE aborts that other one.",
    why="The fence is compared inside the transaction: against a snapshot that is out of date, older data would win.",
    how="A session sends the script statement by statement. After BEGIN a newer staging of the date is published.",
    documented=[SNAPSHOT, CONCURRENCY],
    calls=JOBS,
    effort=Effort(statements=18, tables=26, seconds=30),
    needs=[Ability.CONCURRENCY],
)
def commit_before_our_merge(place: Place) -> Observed:
    when = day(2)
    ours = place.run(when, seconds=_SESSION_SECONDS)
    script = statements(place.script(ours, place.staged(ours)))
    with session(place, ours.deadline) as opened:
        opened.ask(script[0])
        newer = place.published(when)
        try:
            for statement in script[1:]:
                opened.ask(statement)
        except PublishConflict as conflict:
            answer = raw(conflict)
            text = f"aborted at {_word(statement)}: {answer['text']}"
            return _newer_stays(place, newer.run_id, text, answer=answer)
        except GuardRaised as raised:
            text = f"the fence check saw the other commit ({raised.guard}): BEGIN alone takes no snapshot"
            return _newer_stays(place, newer.run_id, text, guard=raised.guard)
        except GradingError as error:
            return differs(f"it failed, and not as a conflict: {error}", answer=raw(error))
    left = place.fingerprint(when)
    return differs("older data was published over newer", run_id=left.run_id, newer_run_id=newer.run_id)


def _word(statement: str) -> str:
    """The word that a statement begins with, behind its comments."""
    return next(line for line in statement.splitlines() if not line.startswith("--")).split(None, 1)[0]


def _newer_stays(place: Place, run_id: str, text: str, **figures: object) -> Observed:
    left = place.fingerprint(day(2))
    if left.run_id != run_id or left.run_count != 1:
        return differs(f"{text}; but the newer rows are not what the date holds", **figures)
    return holds(text, **figures)


@asserts(
    4,
    promise="A row that another job appends between our DELETE and COMMIT is not lost without a word.",
    why="Writers that know no fence exist. What they append must stay, for the check after the write to find it.",
    how="A session sends the script. After its DELETE another job INSERTs a row into the date; then the script ends.",
    documented=[CONCURRENCY],
    calls=JOBS,
    effort=Effort(statements=20, tables=28, seconds=30),
    needs=[Ability.CONCURRENCY],
)
def append_between_delete_and_commit(place: Place) -> Observed:
    when = day(3)
    place.published(when)
    ours = place.run(when, seconds=_SESSION_SECONDS)
    script = statements(place.script(ours, place.staged(ours)))
    with session(place, ours.deadline) as opened:
        for statement in script[:_BEFORE_COMMIT]:
            opened.ask(statement)
        place.ask("append_row", run=place.run(when), appended=literal(APPENDED))
        try:
            for statement in script[_BEFORE_COMMIT:]:
                opened.ask(statement)
        except GradingError as error:
            left = place.fingerprint(when)
            if left.appended != 1:
                return differs("our transaction was aborted, and the appended row is gone", answer=raw(error))
            return holds(f"our transaction was aborted, the row is there: {error}", answer=raw(error))
    left = place.fingerprint(when)
    if left.appended != 1:
        return differs(f"both committed, and the appended row is there {left.appended} times", rows=left.row_count)
    return holds("both committed, and the appended row is there beside ours", rows=left.row_count)
