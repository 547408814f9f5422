"""The story of a date, in the order of time and in whole sentences. Pure: facts in, words out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts import commands
from grading.history import RunRecord
from grading.outcome import Status
from grading.processors import GRADING
from grading.report.facts import DateFacts, TableFacts

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {
    "predictions": "predictions",
    "box_scores": "box scores",
    "injury_report": "injury reports",
    "archetypes": "archetypes",
    "accuracy": "grades",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened, by the server's clock as far as that is known."""

    at: datetime
    processor: str
    run_id: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened, what there is now, and the one command to type next (None: nothing is to be done)."""

    date: str
    moments: Sequence[Moment]
    now: Sequence[str]
    next_command: str | None

    def first_lines(self, count: int = 3) -> list[str]:
        """The present state first: what somebody reads who was woken by an alert."""
        return [*self.now, *(moment.text for moment in reversed(self.moments))][:count]


def tell(facts: DateFacts) -> Story:
    """The story of all processors of the facts."""
    moments = sorted((moment for table in facts.tables for moment in _moments(table)), key=lambda moment: moment.at)
    return Story(
        date=facts.date.isoformat(),
        moments=moments,
        now=[line for table in facts.tables for line in _now(facts, table)],
        next_command=next(filter(None, (_next(facts, table) for table in facts.tables)), None),
    )


def of_one_run(record: RunRecord) -> list[str]:
    """What one run did, in the words of the story, from its own record alone."""
    told = list(_of_run(record, {record.run_id: _name(record)}, {}))
    if record.committed_at:
        told.append(_moment(record, record.committed_at, "published", _published(record, None)))
    return [moment.text for moment in told]


def _moments(table: TableFacts) -> Iterator[Moment]:
    names = {record.run_id: _name(record) for record in table.runs}
    holders = {record.lock_holder: _name(record) for record in table.runs if record.lock_holder}
    before: RunRecord | None = None
    committed = {record.run_id for record in table.runs if record.committed_at}
    for record in table.runs:
        if record.run_id in committed and not record.committed_at:
            yield _lost_answer(record)
        else:
            yield from _of_run(record, names, holders)
    published = sorted((r for r in table.runs if r.committed_at), key=lambda r: r.committed_at or _NEVER)
    for record in published:
        yield _moment(record, _committed(record, table), "published", _published(record, before))
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


def _of_run(record: RunRecord, names: Mapping[str, str], holders: Mapping[str, str]) -> Iterator[Moment]:
    name = names[record.run_id]
    requested = _at(record, record.lock_requested_ms)
    yield _moment(record, requested, "started", f"{name} began.{_lock_text(record, holders)}")
    if record.staging_token is not None:
        yield _moment(record, _from_ms(record.staging_token), "staged", f"{name} staged its rows.{_read(record)}")
    if record.refused:
        times = "once" if record.refused == 1 else f"{record.refused} times"
        yield _moment(
            record, _end(record), "refused",
            f"{name} was refused {times}: newer data had been published{_by(record.found_run_id, names)} meanwhile. "
            f"Nothing of the older staging was kept.",
        )  # fmt: skip
    if not record.committed_at:
        yield _moment(record, _end(record), record.status or "unknown", _unpublished(record, name, names))


def _lost_answer(record: RunRecord) -> Moment:
    """A run that was recorded twice: by its own transaction, and as one whose end it could not learn."""
    return _moment(
        record, _end(record), "lost answer",
        f"{_name(record)} lost the answer of its publish and ended as {record.status}; the publish committed all the "
        f"same, once ({record.detail}).",
    )  # fmt: skip


def _lock_text(record: RunRecord, holders: Mapping[str, str]) -> str:
    waited = (record.lock_wait_ms or 0) / 1000
    if not record.locked:
        if record.waited_for:
            held = _holder(record.waited_for, holders)
            return f" It waited {waited:.1f} s for the lock, held by {held}, and went on without it."
        return " It had no lock; the fence alone guarded its write."
    if record.taken_over_from:
        return (
            f" It took the lock over from {_holder(record.taken_over_from, holders)}, whose lease had ended, "
            f"after {waited:.1f} s."
        )
    if record.waited_for:
        return f" It waited {waited:.1f} s for {_holder(record.waited_for, holders)}, which held the lock."
    return f" It had the lock after {waited:.1f} s." if waited >= 0.1 else " It had the lock at once."


def _holder(text: str, holders: Mapping[str, str]) -> str:
    """A run's name if one of the date's runs had this holder's id; else the operation that it gave."""
    holder_id, _, operation = text.partition(" (")
    return (
        holders.get(holder_id) or f"{operation.rstrip(')') or holder_id} (no run of it is recorded: it may have died)"
    )


def _read(record: RunRecord) -> str:
    parts = [
        f"{state.rows:,} {_NAMES.get(name, name)}"
        for name, state in record.input_states.items()
        if state.rows is not None
    ]
    took = f" That took {record.staged_ms / 1000:.1f} s." if record.staged_ms is not None else ""
    return (f" The date had {_listed(parts)}." if parts else "") + took


def _published(record: RunRecord, before: RunRecord | None) -> str:
    was = f", in place of {record.rows_deleted or 0:,}" + (f" of {_name(before)}" if before else "")
    changed = ""
    if record.keys_added is not None or record.keys_removed is not None:
        changed = f" {record.keys_added or 0:,} keys were new and {record.keys_removed or 0:,} went."
    if record.duplicate_keys:
        changed += f" {record.duplicate_keys:,} keys were staged more than once; one row of each was kept."
    if record.status == Status.REPAIRED:
        return f"{_name(record)} repaired the date: {record.rows_inserted or 0:,} rows{was}.{changed}"
    why = ""
    if before and before.fence_token is not None and record.fence_token is not None:
        later = (record.fence_token - before.fence_token) / 1000
        why = f" Its data was staged {_duration(later)} later than what was there, so it won."
    partly = f" Not all could be graded ({record.detail})." if record.status == Status.PARTIAL else ""
    return f"{_name(record)} published {record.rows_inserted or 0:,} rows{was}.{changed}{why}{partly}"


def _unpublished(record: RunRecord, name: str, names: Mapping[str, str]) -> str:
    detail = f" ({record.detail})" if record.detail else ""
    match record.status:
        case Status.SUPERSEDED:
            return f"{name} published nothing: data as new as it asked for was there{_by(record.found_run_id, names)}."
        case Status.NO_PREDICTIONS:
            return f"{name} published nothing: there was no prediction to grade."
        case Status.NO_ACTUALS:
            return f"{name} published nothing: no box score was there yet{detail}."
        case Status.SHRUNK:
            return f"{name} published nothing: far fewer keys were staged than the date had."
        case Status.FAILED:
            return f"{name} failed and changed nothing{detail}."
    return f"{name} ended as {record.status or 'unknown'}{detail}."


def _now(facts: DateFacts, table: TableFacts) -> Iterator[str]:
    name, found = table.processor.name, table.duplicates
    published = [record for record in table.runs if record.committed_at]
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
    if published:
        yield from _inputs_since(table, max(published, key=lambda record: record.committed_at or _NEVER))


def _whose(table: TableFacts) -> str:
    owners = [rows.run_id for rows in table.rows]
    if len(owners) != 1:
        return f" of {len(owners)} runs"
    record = next((record for record in table.runs if record.run_id == owners[0]), None)
    return f", all of {_name(record)}" if record else ", of no recorded run: another program wrote them"


def _culprit(table: TableFacts) -> str:
    wrote = {record.run_id: record.rows_inserted or 0 for record in table.runs}
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
    held = f"Its lock is held by {lock.operation_id}, for {_duration(lock.held_seconds)}"
    if lock.state == "expired":
        silent = _duration(lock.heartbeat_age_seconds)
        return f"{held}; it has been silent for {silent} and probably died. The next run takes the lock over by itself."
    if lock.state == "stuck":
        return f"{held}: longer than any run lasts."
    return f"{held}: it is at work."


def _inputs_since(table: TableFacts, last: RunRecord) -> Iterator[str]:
    for name, then in last.input_states.items():
        now = table.inputs.get(name)
        if now is None:
            continue
        title = _NAMES.get(name, name)
        if then.rows is not None and now.rows is not None and then.rows != now.rows:
            yield f"The date had {then.rows:,} {title} then; it has {now.rows:,} now."
        elif then.modified_ms and now.modified_ms and now.modified_ms > then.modified_ms:
            yield (
                f"The table of {title} was written since, at {_from_ms(now.modified_ms):%Y-%m-%d %H:%M:%S} UTC, "
                f"but the date has as many as then."
            )


def _next(facts: DateFacts, table: TableFacts) -> str | None:
    day, name = facts.date, table.processor.name
    if not table.duplicates.clean:
        return commands.dedupe(name, day)
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


def _moment(record: RunRecord, at: datetime, kind: str, text: str) -> Moment:
    return Moment(at=at, processor=record.processor, run_id=record.run_id, kind=kind, text=text)


def _name(record: RunRecord) -> str:
    """`Run 3f2a91c4 (backfill)`."""
    return f"Run {record.run_id[:8]} ({record.trigger_source or 'unknown trigger'})"


def _by(run_id: str | None, names: Mapping[str, str]) -> str:
    return "" if not run_id else f" by {names.get(run_id, f'run {run_id[:8]}')}"


def _at(record: RunRecord, offset_ms: int | None) -> datetime:
    """A moment of a run on the server's clock; by the client's if the run is too old to say, or never staged."""
    if record.staging_token is not None and offset_ms is not None:
        return _from_ms(record.staging_token + offset_ms)
    return record.started_at or _NEVER


def _end(record: RunRecord) -> datetime:
    """When a run that published nothing ended, as far as it is known: after the last thing that it noted."""
    known = [_at(record, record.lock_requested_ms) + timedelta(milliseconds=record.lock_wait_ms or 0)]
    if record.staging_token is not None:
        known.append(_from_ms(record.staging_token + (record.measured_ms or record.staged_ms or 0)))
    return max(known)


def _committed(record: RunRecord, table: TableFacts) -> datetime:
    return table.committed.get(record.run_id) or record.committed_at or _NEVER


def _from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
