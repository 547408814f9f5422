"""`python -m grading ungraded`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import click
from rich.table import Table

from foundation.clock import Deadline
from grading.cli.console import ConsoleSink
from grading.cli.grade import describe
from grading.cli.repairs import console
from grading.maintenance.ungraded import UngradedReport, find_ungraded
from grading.outcome import Status
from grading.processors import PROCESSORS
from grading.run import Request
from grading.wiring import Application, application_for_terminal

_READ_SECONDS = 300.0
_DEFAULT_DAYS = 7


@click.command()
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help=f"The first date; default: {_DEFAULT_DAYS} days ago.")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="The last date; default: yesterday, or the first date.")
@click.option("--grade", "do_grade", is_flag=True, help="Grade the dates that have something to grade now.")
def ungraded(start: datetime | None, end: datetime | None, do_grade: bool) -> None:
    """Explain each prediction that has no grade, by date and cause, and what to do about it.

    \b
    One date:          python -m grading ungraded --start 2026-01-16 --end 2026-01-16
    And grade it:      python -m grading ungraded --start 2026-01-16 --end 2026-01-16 --grade
    """
    application = application_for_terminal(ConsoleSink(console))
    yesterday = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    first = start.date() if start else yesterday - timedelta(days=_DEFAULT_DAYS - 1)
    last = max(first, end.date() if end else yesterday)
    report = find_ungraded(application.settings, application.jobs("ungraded", _READ_SECONDS), start=first, end=last)
    click.echo(f"{first} to {last}: {report.predictions:,} predictions, {report.graded:,} graded, {report.total:,} not")
    if report.causes:
        console.print(_by_date(report))
        for cause, count in report.by_cause.items():
            click.echo(f"{count:>10,}  {cause}")
        click.echo(f"{report.total:>10,}  in all")
    days = report.gradable_dates
    if do_grade:
        _grade(application, report)
    elif days:
        click.echo(f"{len(days)} dates have something to grade now: add --grade.")


def _grade(application: Application, report: UngradedReport) -> None:
    failed = False
    for day in report.gradable_dates:
        request = Request(date=day, trigger_source="ungraded")
        seconds = application.settings.function_timeout_seconds * len(PROCESSORS)
        for outcome in application.service.grade(request, PROCESSORS, Deadline.after(seconds, application.clock)):
            click.echo(describe(outcome))
            failed = failed or outcome.status in (Status.FAILED, Status.ROWS_MISSING)
    if failed:
        sys.exit(1)


def _by_date(report: UngradedReport) -> Table:
    table = Table("Date", box=None, pad_edge=False)
    table.add_column("Predictions", justify="right")
    table.add_column("Cause")
    table.add_column("What to do")
    for found in report.causes:
        table.add_row(found.day.isoformat(), f"{found.predictions:,}", found.cause, found.advice)
    return table
