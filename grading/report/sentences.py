"""What one run did, in sentences. Pure: a record in, words out; the alerts of the function use these too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from grading.history import RunRecord
from grading.outcome import Status

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
INPUT_NAMES = {
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


def of_one_run(record: RunRecord) -> list[str]:
    """What one run did, in the words of the story, from its own record alone."""
    moments = list(of_run(record, {record.run_id: name_of(record)}, {}))
    if record.committed_at:
        moments.append(moment_of(record, record.committed_at, "published", published_text(record, None)))
    return [moment.text for moment in moments]


def of_run(record: RunRecord, names: Mapping[str, str], holders: Mapping[str, str]) -> Iterator[Moment]:
    name = names[record.run_id]
    requested = _at(record, record.lock_requested_ms)
    yield moment_of(record, requested, "started", f"{name} began.{_lock_text(record, holders)}")
    if record.staging_token is not None:
        yield moment_of(record, from_ms(record.staging_token), "staged", f"{name} staged its rows.{_read(record)}")
    if record.refused:
        times = "once" if record.refused == 1 else f"{record.refused} times"
        yield moment_of(
            record, _end(record), "refused",
            f"{name} was refused {times}: newer data had been published{_by(record.found_run_id, names)} meanwhile. "
            f"Nothing of the older staging was kept.",
        )  # fmt: skip
    if not record.committed_at:
        yield moment_of(record, _end(record), record.status or "unknown", _unpublished(record, name, names))


def lost_answer(record: RunRecord) -> Moment:
    """A run that was recorded twice: by its own transaction, and as one whose end it could not learn."""
    return moment_of(
        record, _end(record), "lost answer",
        f"{name_of(record)} lost the answer of its publish and ended as {record.status}; the publish committed all the "
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
        f"{state.rows:,} {INPUT_NAMES.get(name, name)}"
        for name, state in record.input_states.items()
        if state.rows is not None
    ]
    took = f" That took {record.staged_ms / 1000:.1f} s." if record.staged_ms is not None else ""
    return (f" The date had {_listed(parts)}." if parts else "") + took


def published_text(record: RunRecord, before: RunRecord | None) -> str:
    was = f", in place of {record.rows_deleted or 0:,}" + (f" of {name_of(before)}" if before else "")
    changed = ""
    if record.keys_added is not None or record.keys_removed is not None:
        changed = f" {record.keys_added or 0:,} keys were new and {record.keys_removed or 0:,} went."
    if record.duplicate_keys:
        changed += f" {record.duplicate_keys:,} keys were staged more than once; one row of each was kept."
    if record.status == Status.REPAIRED:
        return f"{name_of(record)} repaired the date: {record.rows_inserted or 0:,} rows{was}.{changed}"
    why = ""
    if before and before.fence_token is not None and record.fence_token is not None:
        later = (record.fence_token - before.fence_token) / 1000
        why = f" Its data was staged {duration(later)} later than what was there, so it won."
    partly = f" Not all could be graded ({record.detail})." if record.status == Status.PARTIAL else ""
    return f"{name_of(record)} published {record.rows_inserted or 0:,} rows{was}.{changed}{why}{partly}"


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


def moment_of(record: RunRecord, at: datetime, kind: str, text: str) -> Moment:
    return Moment(at=at, processor=record.processor, run_id=record.run_id, kind=kind, text=text)


def name_of(record: RunRecord) -> str:
    """`Run 3f2a91c4 (backfill)`."""
    return f"Run {record.run_id[:8]} ({record.trigger_source or 'unknown trigger'})"


def _by(run_id: str | None, names: Mapping[str, str]) -> str:
    return "" if not run_id else f" by {names.get(run_id, f'run {run_id[:8]}')}"


def _at(record: RunRecord, offset_ms: int | None) -> datetime:
    """A moment of a run on the server's clock; by the client's if the run is too old to say, or never staged."""
    if record.staging_token is not None and offset_ms is not None:
        return from_ms(record.staging_token + offset_ms)
    return record.started_at or NEVER


def _end(record: RunRecord) -> datetime:
    """When a run that published nothing ended, as far as it is known: after the last thing that it noted."""
    known = [_at(record, record.lock_requested_ms) + timedelta(milliseconds=record.lock_wait_ms or 0)]
    if record.staging_token is not None:
        known.append(from_ms(record.staging_token + (record.measured_ms or record.staged_ms or 0)))
    return max(known)


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
