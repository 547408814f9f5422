"""What the repairing commands share: progress, and the table of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from foundation import commands, figures
from grading.cli.output import Column, Output
from grading.cli.progress import date_bar
from grading.cli.recompute import recompute_range
from grading.maintenance.repair_tables import RepairTable
from grading.maintenance.repairer import DateResult, Result
from grading.processors import GRADING

_RESULTS: tuple[Column[DateResult], ...] = (
    Column(name="date", heading="Date", value=lambda r: r.day, whole=True),
    Column(name="result", heading="Result", value=lambda r: r.result.value, whole=True),
    Column(name="rows_before", heading="Rows before", value=lambda r: r.rows_before if r.run_id else None, number=True),
    Column(name="rows_after", heading="Rows after", value=lambda r: r.rows_after if r.run_id else None, number=True),
    Column(name="detail", heading="Detail", value=lambda r: r.detail or "verified"),
)


def repair_dates(out: Output, days: Sequence[date], repair: Callable[[date], DateResult]) -> list[DateResult]:
    """Repair dates in order, with progress, and show the results.

    Stops after a date whose verification failed: what is wrong there may be wrong everywhere.
    """
    results = []
    with date_bar(out.console) as progress:
        task = progress.add_task("repairing", total=len(days), now="")
        for day in days:
            progress.update(task, description=day.isoformat())
            results.append(repair(day))
            progress.advance(task)
            if results[-1].result is Result.PUT_BACK:
                break
    out.table("dates", _RESULTS, results)
    return results


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
