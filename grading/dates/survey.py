"""What the dates of a range have, and which of it is behind: what backfill, catch-up and recompute decide by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from grading.covers import LOOK_BACK, covered, fingerprint
from grading.processors import GRADING, PROCESSORS, Processor
from grading.run import fence_of
from grading.settings import Settings
from grading.writing.rules import rules_between
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.dates.sql")


@dataclass(frozen=True, slots=True)
class Published:
    """The last publish of a date: its data token, and when it was put into the fence; server milliseconds both.

    `covers` is the fingerprint of the grades that an aggregate was computed from; None for rows from before there was
    one. `rows_missing` says that the run's rows were found missing afterwards.
    """

    token: int
    updated_ms: int
    run_id: str | None = None
    covers: str | None = None
    rows_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DateState:
    """What a date has.

    `with_box_score` counts the keys that grading would give now; of these, `missing` have no grade, and `outdated` have
    one that was computed from another box score than the one there is now. `grades` are rows, `graded_keys` their keys.
    """

    date: date
    predictions: int
    with_box_score: int
    missing: int
    outdated: int
    grades: int
    graded_keys: int = 0

    @property
    def is_behind(self) -> bool:
        """Whether the grades are not what grading would make of the box scores now."""
        return bool(self.missing or self.outdated)

    def would_shrink(self, min_keys_ratio: float) -> bool:
        """Whether grading would give so few keys that its publish is refused: to try again changes nothing."""
        return self.with_box_score < min_keys_ratio * self.graded_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One processor's run of one date, and why it is due."""

    processor: Processor
    date: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Every date's last publish, by processor; `read_ms` is a server time before which it was read."""

    read_ms: int
    published: Mapping[str, Mapping[date, Published]] = field(default_factory=dict)

    def last(self, processor: Processor, day: date) -> Published | None:
        """The last publish of a date; None where the service never published it."""
        return self.published.get(processor.name, {}).get(day)

    def covered_now(self, processor: Processor, day: date) -> str | None:
        """The fingerprint of the grades that an aggregate's date would read now."""
        first, last = covered(processor, day)
        grades = self.published.get(GRADING.name, {})
        return fingerprint((d, p.token, p.run_id) for d, p in grades.items() if first <= d <= last)

    def graded_ms(self, processor: Processor, day: date) -> int:
        """When the grades that an aggregate's date reads were published last; 0 where never."""
        grades = self.published.get(GRADING.name, {})
        if processor.reads_earlier_dates:
            return max((p.updated_ms for graded, p in grades.items() if graded <= day), default=0)
        return grades[day].updated_ms if day in grades else 0


def read_dates(settings: Settings, jobs: Jobs, first: date, last: date) -> list[DateState]:
    """The dates from `first` to `last` that have predictions or grades, in order. One job."""
    statement = SQL.fill("dates", **rules_between(settings, jobs, first, last))
    rows = jobs.ask("dates", statement).rows
    return [DateState(date=row["game_date"], **{k: int(row[k]) for k in row if k != "game_date"}) for row in rows]


def read_ledger(settings: Settings, jobs: Jobs, first: date, last: date) -> Ledger:
    """The last publish of every date from a season before `first` to `last`, by every processor. One job."""
    first_key, last_key = (first - LOOK_BACK).isoformat(), last.isoformat()
    parts = [
        SQL.fill(
            "published",
            processor=literal(processor.name),
            fence=table(fence_of(settings.target(processor.name))),
            runs=table(settings.target("grading_runs")),
            first=literal(first - LOOK_BACK),
            last=literal(last),
            first_key=literal(first_key),
            last_key=literal(last_key),
        ).text
        for processor in PROCESSORS
    ]
    job = jobs.ask("ledger", Sql("\nUNION ALL\n".join(parts)))
    published: dict[str, dict[date, Published]] = {}
    for row in job.rows:
        day = date.fromisoformat(row["lock_key"])
        published.setdefault(row["processor"], {})[day] = Published(
            row["token"], row["updated_ms"], row["run_id"], row["covers"], bool(row["rows_missing"])
        )
    return Ledger(read_ms=job.created_ms, published=published)


def grading_due(states: Sequence[DateState], ledger: Ledger, min_keys_ratio: float = 0.0) -> Iterator[Work]:
    """The dates whose grades are not what grading would make of their box scores now.

    A date that would shrink below `min_keys_ratio` of its keys is none of them: its publish would be refused. Compared
    by content: no input table tells when its rows arrived, and a reload that changes nothing is no reason to grade
    again.
    """
    for state in states:
        if not state.with_box_score or state.would_shrink(min_keys_ratio):
            continue
        last = ledger.last(GRADING, state.date)
        if last is None:
            reason = "never graded"
        elif last.rows_missing:
            reason = "rows are missing"
        elif state.missing:
            reason = f"{state.missing:,} predictions have a box score and no grade"
        elif state.outdated:
            reason = f"{state.outdated:,} grades are of older box scores"
        else:
            continue
        yield Work(processor=GRADING, date=state.date, reason=reason)


def aggregate_due(processor: Processor, states: Sequence[DateState], ledger: Ledger) -> Iterator[Work]:
    """The dates with grades whose aggregate is missing, or was computed from other grades than there are now.

    Rows that recorded no fingerprint are compared by time: they are due if grades were published since.
    """
    for state in states:
        if not state.grades:
            continue
        last = ledger.last(processor, state.date)
        if last is None:
            yield Work(processor=processor, date=state.date, reason="never computed")
        elif last.rows_missing:
            yield Work(processor=processor, date=state.date, reason="rows are missing")
        elif last.covers is None:
            if last.token <= ledger.graded_ms(processor, state.date):
                yield Work(processor=processor, date=state.date, reason="the grades are newer")
        elif last.covers != ledger.covered_now(processor, state.date):
            yield Work(
                processor=processor, date=state.date, reason="the grades are not those that it was computed from"
            )
