"""The story of a date, in the order of time and in whole sentences. Pure: facts in, words out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from foundation import commands
from grading.history import RunRecord
from grading.outcome import Status
from grading.processors import GRADING
from grading.report.facts import DateFacts, TableFacts
from grading.report.sentences import (
    INPUT_NAMES,
    NEVER,
    Moment,
    duration,
    from_ms,
    lost_answer,
    moment_of,
    name_of,
    of_run,
    published_text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened, what there is now, and the one command to type next (None: nothing is to be done)."""

    date: str
    moments: Sequence[Moment]
    now: Sequence[str]
    next_command: str | None


def tell(facts: DateFacts) -> Story:
    """The story of all processors of the facts."""
    moments = sorted((moment for table in facts.tables for moment in _moments(table)), key=lambda moment: moment.at)
    return Story(
        date=facts.date.isoformat(),
        moments=moments,
        now=[line for table in facts.tables for line in _now(facts, table)],
        next_command=next(filter(None, (_next(facts, table) for table in facts.tables)), None),
    )


def _moments(table: TableFacts) -> Iterator[Moment]:
    names = {record.run_id: name_of(record) for record in table.runs}
    holders = {record.lock_holder: name_of(record) for record in table.runs if record.lock_holder}
    before: RunRecord | None = None
    committed = {record.run_id for record in table.runs if record.committed_at}
    for record in table.runs:
        if record.run_id in committed and not record.committed_at:
            yield lost_answer(record)
        else:
            yield from of_run(record, names, holders)
    published = sorted((r for r in table.runs if r.committed_at), key=lambda r: r.committed_at or NEVER)
    for record in published:
        yield moment_of(record, _committed(record, table), "published", published_text(record, before))
        before = record
    for finding in table.findings:
        keys = f"{finding.duplicate_keys or 0:,}"
        yield Moment(
            at=finding.detected_at, processor=table.processor.name, run_id="", kind="duplicates",
            text=f"Duplicates were found: {keys} business keys had more than one row.",
        )  # fmt: skip
        if finding.resolved_at:
            yield Moment(
                at=finding.resolved_at, processor=table.processor.name, run_id="", kind="resolved",
                text=f"The duplicates were gone: {finding.notes or 'no note was left'}.",
            )  # fmt: skip


def _now(facts: DateFacts, table: TableFacts) -> Iterator[str]:
    name, found = table.processor.name, table.duplicates
    read = [record for record in table.runs if record.committed_at and record.input_states]
    if found.total_rows:
        yield f"{name} has {found.total_rows:,} rows{_whose(table)}."
    else:
        yield f"{name} has no row of this date."
    if not found.clean:
        yield (
            f"{found.duplicate_keys:,} of its business keys have more than one row: "
            f"{found.excess_rows:,} rows too many. {_culprit(table)}"
        )
    if table.lock:
        yield _lock_now(table)
    elif table.lock_unknown:
        yield f"Who holds its lock is not known: {table.lock_unknown}"
    if table.due:
        yield f"It is behind its inputs: {table.due}."
    elif found.total_rows:
        yield "It is as new as its inputs."
    elif table.processor is GRADING and not facts.predictions:
        yield "There is no prediction for this date."
    elif table.processor is GRADING and not facts.with_box_score:
        yield f"{facts.predictions:,} predictions wait: no box score is in yet."
    if read:
        yield from _inputs_since(table, max(read, key=lambda record: record.committed_at or NEVER))


def _whose(table: TableFacts) -> str:
    owners = [rows.run_id for rows in table.rows]
    if len(owners) != 1:
        return f" of {len(owners)} runs"
    record = next((record for record in table.runs if record.run_id == owners[0]), None)
    return f", all of {name_of(record)}" if record else ", of no recorded run: another program wrote them"


def _culprit(table: TableFacts) -> str:
    wrote = {record.run_id: record.rows_inserted or 0 for record in table.runs if record.committed_at}
    for rows in table.rows:
        said = wrote.get(rows.run_id or "")
        if said is None:
            return f"{rows.row_count:,} rows are of no run of this service: a writer without the fence was at work."
        if rows.row_count > said:
            return (
                f"Run {(rows.run_id or '')[:8]} published {said:,} rows and {rows.row_count:,} carry its id: "
                f"a writer without the fence wrote them again."
            )
    return "They are of several runs: a writer without the fence was at work."


def _lock_now(table: TableFacts) -> str:
    lock = table.lock
    assert lock is not None
    held = f"Its lock is held by {lock.operation_id}, for {duration(lock.held_seconds)}"
    if lock.state == "expired":
        silent = duration(lock.heartbeat_age_seconds)
        return f"{held}; it has been silent for {silent} and probably died. The next run takes the lock over by itself."
    if lock.state == "stuck":
        return f"{held}: longer than any run lasts."
    return f"{held}: it is at work."


def _inputs_since(table: TableFacts, last: RunRecord) -> Iterator[str]:
    for name, then in last.input_states.items():
        now = table.inputs.get(name)
        if now is None:
            continue
        title = INPUT_NAMES.get(name, name)
        if then.rows is not None and now.rows is not None and then.rows != now.rows:
            yield f"The date had {then.rows:,} {title} then; it has {now.rows:,} now."
        elif then.modified_ms and now.modified_ms and now.modified_ms > then.modified_ms:
            yield (
                f"The table of {title} was written since, at {from_ms(now.modified_ms):%Y-%m-%d %H:%M:%S} UTC, "
                f"but the date has as many as then."
            )


def _next(facts: DateFacts, table: TableFacts) -> str | None:
    day, name = facts.date, table.processor.name
    if not table.duplicates.clean:
        return commands.dedupe(name, day, day)
    if table.lock and table.lock.state == "stuck":
        return commands.release_lock(day, table.processor.lock_type)
    if table.due:
        return commands.grade(day, processor=None if table.processor is GRADING else name)
    last = table.runs[-1] if table.runs else None
    if last and last.status == Status.SHRUNK:
        return f"{commands.grade(day, processor=name)} --dry-run"
    if last and last.status == Status.FAILED and not table.duplicates.total_rows:
        return commands.grade(day, processor=name)
    return None


def _committed(record: RunRecord, table: TableFacts) -> datetime:
    return table.committed.get(record.run_id) or record.committed_at or NEVER
