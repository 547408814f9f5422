"""`python -m grading catch-up`."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from foundation.clock import Deadline
from grading.cli.console import ConsoleSink, make_console
from grading.cli.progress import state_line
from grading.dates.catch_up import DEFAULT_DAYS
from grading.processors import PROCESSORS
from grading.wiring import application_for_terminal


@click.command("catch-up")
@click.option(
    "--days", type=click.IntRange(1, 366), default=DEFAULT_DAYS, show_default=True, help="How many days back to look."
)
def catch_up(days: int) -> None:
    """Grade the recent dates that are behind.

    These are dates that no event has graded, or whose box scores came after their last run. The last day looked
    at is yesterday. What is complete is left alone, so a second run does nothing. The schedule does the same
    with the message {"task": "catch_up", "days": 7}.
    """
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    seconds = application.settings.function_timeout_seconds * days * len(PROCESSORS)
    service = application.catch_up
    told = replace(
        service,
        on_work=lambda work: console.print(
            f"{work.date}  {work.processor.name:<31}{work.reason}", highlight=False, soft_wrap=True
        ),
    )
    report = told.run(days, Deadline.after(seconds, application.clock))
    console.print(f"Looked at {report.first} to {report.last}.", highlight=False)
    for outcome in report.outcomes:
        console.print(state_line(outcome), soft_wrap=True)
    if not report.outcomes:
        console.print("Nothing to do: these dates are complete.")
    if report.waiting:
        days_waiting = ", ".join(day.isoformat() for day in report.waiting)
        console.print(f"Still without box scores: {days_waiting}", style="yellow")
    if report.failed or report.left:
        sys.exit(1)
