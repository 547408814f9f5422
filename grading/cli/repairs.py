"""What the repairing commands share: progress, and the table of results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import click

from foundation import commands, figures
from foundation.clock import Deadline
from grading.batch import Ended
from grading.cli.output import Column, Output
from grading.cli.progress import date_bar
from grading.cli.recompute import recompute_range
from grading.cli.runner import stopped_by_signals
from grading.dates.batches import MAX_DATES, Batches, BatchSize
from grading.dates.survey import Work
from grading.maintenance.repair_result import DateResult, Result
from grading.maintenance.repair_tables import RepairTable
from grading.processors import GRADING

_RESULTS: tuple[Column[DateResult], ...] = (
    Column(name="date", heading="Date", value=lambda r: r.date, whole=True),
    Column(name="result", heading="Result", value=lambda r: r.result.value, whole=True),
    Column(name="rows_before", heading="Rows before", value=lambda r: r.rows_before if r.run_id else None, number=True),
    Column(name="rows_after", heading="Rows after", value=lambda r: r.rows_after if r.run_id else None, number=True),
    Column(name="detail", heading="Detail", value=lambda r: r.detail or "verified"),
)


_BATCH_SECONDS = 900.0

batch_dates_option = click.option(
    "--batch-dates",
    type=click.IntRange(1, MAX_DATES),
    default=MAX_DATES,
    help="The most dates that are replaced together; fewer if these take longer than a minute.",
)


def repair_dates(
    out: Output,
    repaired: RepairTable,
    rows: Mapping[date, int],
    repair: Callable[[Sequence[date], Deadline], Ended[DateResult]],
    *,
    batch_dates: int,
    command: str,
) -> tuple[list[DateResult], bool]:
    """Repair dates in batches and in order, with progress, and show the results; `rows` are those of each date.

    Begins no batch after a date whose verification failed: what is wrong there may be wrong everywhere. After Ctrl-C
    the dates in flight are finished, and `command`, which goes on, is shown.

    Returns:
        The results of the dates that were begun, and whether someone has pressed Ctrl-C.
    """
    application, stopping = out.application, threading.Event()
    with date_bar(out.console) as progress:
        task = progress.add_task("repairing", total=len(rows), now="")

        def finished(_work: Work, result: DateResult) -> None:
            progress.advance(task)
            if result.result is Result.PUT_BACK:
                stopping.set()

        batches = Batches(
            run_all=lambda works, deadline: repair([work.date for work in works], deadline),
            clock=application.clock,
            events=application.events,
            deadline=lambda: None if stopping.is_set() else Deadline.after(_BATCH_SECONDS, application.clock),
            size=BatchSize(dates=batch_dates),
            rows_of=rows,
            started=lambda work: progress.update(task, description=work.date.isoformat()),
            finished=finished,
        )
        with stopped_by_signals(out, stopping.set, command) as interrupted:
            ended = batches.run([Work(processor=repaired.processor, date=day) for day in sorted(rows)])
    results = [result for result in ended.values() if result]
    out.table("dates", _RESULTS, results)
    return results, bool(interrupted)


def aggregates_of(out: Output, repaired: RepairTable, days: Sequence[date], *, recompute: bool) -> bool:
    """Name the dates whose aggregates are out of date, or recompute them. False if that failed."""
    if repaired.name != GRADING.name or not days:
        return True
    # A summary looks back over the dates before its own, so later ones are out of date as well.
    application = out.application
    yesterday = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    first, last = min(days), max(*days, yesterday)
    named = ", ".join(day.isoformat() for day in days)
    out.line(f"The aggregates of {figures.counted(len(days), 'date')} are out of date: {named}")
    if recompute:
        return recompute_range(out, first, last)
    out.line("To bring them up to date:")
    out.command(commands.recompute(first, last))
    return True
