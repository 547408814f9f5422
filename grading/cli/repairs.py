"""What the repairing commands share: progress, and the table of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from grading.cli.console import make_console
from grading.cli.recompute import recompute_range
from grading.maintenance.repair_tables import RepairTable
from grading.maintenance.repairer import DateResult, Result
from grading.processors import GRADING
from grading.wiring import Application

console = make_console()


def repair_dates(days: Sequence[date], repair: Callable[[date], DateResult]) -> list[DateResult]:
    """Repair dates in order, with progress on the standard error.

    Stops after a date whose verification failed: what is wrong there may be wrong everywhere.
    """
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("repairing", total=len(days))
        for day in days:
            progress.update(task, description=day.isoformat())
            results.append(repair(day))
            progress.advance(task)
            if results[-1].result is Result.PUT_BACK:
                break
    return results


def date_table(results: Sequence[DateResult]) -> Table:
    """One line a date."""
    table = Table("Date", "Result", box=None, pad_edge=False)
    table.add_column("Rows before", justify="right")
    table.add_column("Rows after", justify="right")
    table.add_column("Detail")
    for result in results:
        rows = (f"{result.rows_before:,}", f"{result.rows_after:,}") if result.run_id else ("", "")
        table.add_row(result.day.isoformat(), result.result, *rows, result.detail or "verified")
    return table


def aggregates_of(application: Application, repaired: RepairTable, days: Sequence[date], *, recompute: bool) -> bool:
    """Name the dates whose aggregates are out of date, or recompute them. False where that failed."""
    if repaired.name != GRADING.name or not days:
        return True
    # A summary looks back over the dates before its own, so later ones are out of date as well.
    yesterday = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    first, last = min(days), max(*days, yesterday)
    click.echo(f"Aggregates to recompute, of {len(days)} dates: {', '.join(day.isoformat() for day in days)}")
    if recompute:
        return recompute_range(application, first, last)
    click.echo(f"Type: python -m grading recompute --start {first} --end {last}")
    return True
