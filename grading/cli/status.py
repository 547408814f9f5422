"""`python -m grading status`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from foundation import commands, figures
from grading.cli.options import DAY
from grading.cli.output import Column, Output, with_output
from grading.cli.progress import STYLES
from grading.history import RunHistory, RunRecord
from grading.outcome import Status
from grading.processors import GRADING, PROCESSORS

_READ_SECONDS = 120.0
_DEFAULT_LAST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """A processor's newest run of a date, and what is wrong with it; both empty if there is none or nothing is."""

    processor: str
    run: RunRecord | None
    problem: str = ""
    command: str = ""


@click.command()
@click.option("--date", "day", type=DAY, help="The runs of this date; default: yesterday in short, then the last runs.")
@click.option(
    "--last", "count", type=click.IntRange(1, 1000), help=f"The last N runs of any date; {_DEFAULT_LAST} by default."
)
@with_output()
def status(out: Output, day: date | None, count: int | None) -> None:
    """Say whether a date is fine, and show its runs.

    Without a date: yesterday, then the last runs of any.

    Who wrote what, when and why, how long it waited for its lock, and how it ended; newest first, from the table
    grading_runs. Times are in the configured time zone; --wide shows all that is known of a run.
    """
    if day and count:
        raise click.UsageError("--date and --last exclude each other: a date is shown whole")
    application = out.application
    settings, now = application.settings, application.clock.now()
    history = RunHistory(settings, application.jobs("status", _READ_SECONDS))
    about = day or settings.local_date(now) - timedelta(days=1)
    of_date = history.of_date(about)
    _answer(out, about, newest_of(about, of_date), now, yesterday=day is None)
    records = of_date if day else history.last(count or _DEFAULT_LAST)
    out.line()
    out.table(
        "runs",
        _columns(ZoneInfo(settings.time_zone)),
        records,
        empty=f"No run of {day} is recorded." if day else "No run is recorded yet.",
    )
    for record in records:
        if record.detail and not record.committed_at:
            out.line(f"{record.run_id[:8]}  {record.game_date} {record.processor}: {record.detail}")


def newest_of(day: date, records: Sequence[RunRecord]) -> list[Newest]:
    """The newest run of each processor, judged; `records` are those of the date, newest first."""
    return [
        judged(day, name, next((record for record in records if record.processor == name), None))
        for name in (processor.name for processor in PROCESSORS)
    ]


def judged(day: date, processor: str, run: RunRecord | None) -> Newest:
    """What is wrong with a date by a processor's newest run, and what to type."""
    problem = command = ""
    if run is None:
        problem, command = "no run has written it", commands.grade(day)
    elif run.duplicate_keys:
        problem = figures.counted(run.duplicate_keys, "duplicate key")
        command = commands.dedupe(processor, day, day)
    else:
        match run.status:
            case Status.FAILED:
                problem, command = "failed", commands.after_failure(day, run.detail or "")
                if command == commands.status(day):
                    command = commands.grade(day)
            case Status.SHRUNK:
                problem, command = "far fewer keys were staged than it has", commands.preview(day)
            case Status.NO_ACTUALS:
                problem, command = "there were no box scores", commands.ungraded(day)
            case Status.PARTIAL:
                problem, command = "box scores are missing", commands.ungraded(day)
            case Status.NO_PREDICTIONS if processor == GRADING.name:
                problem, command = "there was nothing to grade", commands.ungraded(day)
    return Newest(processor=processor, run=run, problem=problem, command=command)


def _answer(out: Output, day: date, newest: Sequence[Newest], now: datetime, *, yesterday: bool) -> None:
    """Five lines: fine or not and why, a line a processor, and the next command."""
    wrong = next((found for found in newest if found.problem), None)
    if all(found.run is None for found in newest):
        verdict = "no run is recorded for it"
    elif wrong:
        verdict = f"NOT fine: {wrong.processor}: {wrong.problem}"
    else:
        verdict = "fine"
    name = f"{day} (yesterday)" if yesterday else f"{day}"
    out.fact("date", day)
    out.fact("fine", wrong is None)
    out.fact("problem", wrong.problem if wrong else None)
    out.fact("next_command", wrong.command if wrong else None)
    out.line(f"{name} is fine" if not wrong else f"{name}: {verdict}", "bold red" if wrong else "bold green")
    out.table("newest", _newest_columns(now), newest, heads=False)
    if wrong:
        out.command(wrong.command)


def _newest_columns(now: datetime) -> tuple[Column[Newest], ...]:
    def age(found: Newest) -> float | None:
        return (now - found.run.started_at).total_seconds() if found.run and found.run.started_at else None

    return (
        Column(name="processor", heading="Processor", value=lambda found: found.processor, whole=True),
        Column(
            name="status",
            heading="Newest run",
            value=lambda found: (found.run.status if found.run else None) or "no run",
            style=lambda found: _style(found.run.status if found.run else None),
        ),
        Column(
            name="age_seconds", heading="Age", value=age, show=lambda seconds: f"{figures.span(max(0, seconds))} ago"
        ),
        Column(
            name="rows", heading="Rows", value=lambda found: found.run.rows_inserted or 0 if found.run else None,
            show=lambda rows: figures.counted(rows, "row"), number=True,
        ),
        Column(
            name="duplicate_keys", heading="Duplicates",
            value=lambda found: found.run.duplicate_keys or 0 if found.run else None,
            show=lambda keys: figures.counted(keys, "duplicate"), number=True,
        ),
        Column(name="problem", heading="Problem", value=lambda found: found.problem or None, wide=True),
    )  # fmt: skip


def _columns(zone: ZoneInfo) -> tuple[Column[RunRecord], ...]:
    def took(record: RunRecord) -> float | None:
        if record.committed_at and record.started_at:
            return (record.committed_at - record.started_at).total_seconds()
        return None

    return (
        Column(name="date", heading="Date", value=lambda r: r.game_date, whole=True),
        Column(name="processor", heading="Processor", value=lambda r: r.processor, whole=True),
        Column(name="status", heading="Status", value=lambda r: r.status, style=lambda r: _style(r.status)),
        Column(name="rows", heading="Rows", value=lambda r: r.rows_inserted or 0, number=True),
        Column(
            name="started_at", heading="Started", value=lambda r: r.started_at,
            show=lambda at: f"{at.astimezone(zone):%m-%d %H:%M}",
        ),
        Column(name="took_seconds", heading="Took", value=took, show=figures.span, number=True, if_room=True),
        Column(name="rows_before", heading="Was", value=lambda r: r.rows_deleted or 0, number=True, wide=True),
        Column(name="duplicate_keys", heading="Dup.", value=lambda r: r.duplicate_keys or 0, number=True, wide=True),
        Column(
            name="lock_wait_ms", heading="Lock wait", value=lambda r: r.lock_wait_ms or 0, show=lambda ms: f"{ms:,} ms",
            number=True, wide=True,
        ),
        Column(name="locked", heading="Locked", value=lambda r: r.locked, wide=True),
        Column(name="trigger", heading="Trigger", value=lambda r: r.trigger_source or None, wide=True),
        Column(name="event_id", heading="Event", value=lambda r: r.event_id or None, wide=True),
        Column(name="run_id", heading="Run", value=lambda r: r.run_id, show=lambda run: run[:8], whole=True, wide=True),
        Column(name="detail", heading="Detail", value=lambda r: r.detail or None, show=lambda _: "", wide=True),
    )  # fmt: skip


def _style(status: str | None) -> str:
    return STYLES[Status(status)] if status in set(Status) else ""
