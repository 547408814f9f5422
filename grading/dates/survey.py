"""What the dates of a range have, and which of it is behind: what backfill, catch-up and recompute decide by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from grading.processors import GRADING, PROCESSORS, Processor
from grading.run import fence_of
from grading.settings import Settings
from grading.writing.inputs import inputs
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.dates.sql")

# Aggregates look back a season at most; only fences are read for these days, which are small.
_LOOK_BACK = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Published:
    """The last publish of a date: its data token, and when it was put into the fence; server milliseconds both."""

    token: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DateState:
    """What a date has.

    `with_box_score` counts the gradable keys that have a box score; of these, `missing` have no grade, and
    `outdated` have one that was computed from another box score than the one there is now.
    """

    date: date
    predictions: int
    with_box_score: int
    missing: int
    outdated: int
    grades: int


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

    def graded_ms(self, processor: Processor, day: date) -> int:
        """When the grades that an aggregate's date reads were published last; 0 where never."""
        grades = self.published.get(GRADING.name, {})
        if processor.reads_earlier_dates:
            return max((p.updated_ms for graded, p in grades.items() if graded <= day), default=0)
        return grades[day].updated_ms if day in grades else 0


def read_dates(settings: Settings, jobs: Jobs, first: date, last: date) -> list[DateState]:
    """The dates from `first` to `last` that have predictions or grades, in order. One job."""
    values = {"first": literal(first), "last": literal(last)}
    statement = SQL.fill("dates", **values, **inputs(settings, jobs.warehouse))
    rows = jobs.ask("dates", statement).rows
    return [DateState(date=row["game_date"], **{k: int(row[k]) for k in row if k != "game_date"}) for row in rows]


def read_ledger(settings: Settings, jobs: Jobs, first: date, last: date) -> Ledger:
    """The last publish of every date from a season before `first` to `last`, by every processor. One job."""
    first_key, last_key = (first - _LOOK_BACK).isoformat(), last.isoformat()
    parts = [
        SQL.fill(
            "published",
            processor=literal(processor.name),
            fence=table(fence_of(settings.target(processor.name))),
            first_key=literal(first_key),
            last_key=literal(last_key),
        ).text
        for processor in PROCESSORS
    ]
    job = jobs.ask("ledger", Sql("\nUNION ALL\n".join(parts)))
    published: dict[str, dict[date, Published]] = {}
    for row in job.rows:
        day = date.fromisoformat(row["lock_key"])
        published.setdefault(row["processor"], {})[day] = Published(row["token"], row["updated_ms"])
    return Ledger(read_ms=job.created_ms, published=published)


def grading_due(states: Sequence[DateState], ledger: Ledger) -> Iterator[Work]:
    """The dates whose grades are not what grading would make of their box scores now.

    Compared by content: no input table tells when its rows arrived, and a reload that changes nothing is no
    reason to grade again.
    """
    for state in states:
        if not state.with_box_score:
            continue
        if ledger.last(GRADING, state.date) is None:
            reason = "never graded"
        elif state.missing:
            reason = f"{state.missing:,} predictions have a box score and no grade"
        elif state.outdated:
            reason = f"{state.outdated:,} grades are of older box scores"
        else:
            continue
        yield Work(processor=GRADING, date=state.date, reason=reason)


def aggregate_due(processor: Processor, states: Sequence[DateState], ledger: Ledger) -> Iterator[Work]:
    """The dates with grades whose aggregate is missing, or was computed before the grades that it reads."""
    for state in states:
        if not state.grades:
            continue
        last = ledger.last(processor, state.date)
        if last is None:
            yield Work(processor=processor, date=state.date, reason="never computed")
        elif last.token <= ledger.graded_ms(processor, state.date):
            yield Work(processor=processor, date=state.date, reason="the grades are newer")
