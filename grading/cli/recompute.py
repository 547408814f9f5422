"""`python -m grading recompute`."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click

from foundation.clock import Deadline
from grading.cli.console import ConsoleSink, make_console
from grading.cli.options import chosen, date_range, processor_option, range_options
from grading.cli.runner import run_plan, show_result
from grading.dates.backfill import plan_recompute
from grading.processors import AGGREGATES, Processor
from grading.wiring import Application, application_for_terminal

_PLAN_SECONDS = 300.0


@click.command()
@range_options
@processor_option(AGGREGATES)
@click.option("--all", "everything", is_flag=True, help="Every date with grades, whether they changed or not.")
@click.option("--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="How many dates at once.")
def recompute(start: datetime, end: datetime, names: tuple[str, ...], everything: bool, concurrency: int) -> None:
    """Compute anew the aggregates that are out of date.

    These are dates whose grades have changed since, as after a clean-up. Grades are left as they are. A summary is
    out of date, too, once a date before its own was graded again.
    """
    application = application_for_terminal(ConsoleSink(make_console()))
    first, last = date_range(start, end, application.settings.local_date(application.clock.now()))
    processors = chosen(names, AGGREGATES)
    if not recompute_range(
        application, first, last, processors=processors, everything=everything, concurrency=concurrency
    ):
        sys.exit(1)


def recompute_range(
    application: Application,
    first: date,
    last: date,
    *,
    processors: list[Processor] | None = None,
    everything: bool = False,
    concurrency: int = 4,
) -> bool:
    """Recompute a range and show it; False where a date failed or was not reached."""
    console = make_console()
    deadline = Deadline.after(_PLAN_SECONDS, application.clock)
    plan = plan_recompute(
        application.service, first, last, processors or list(AGGREGATES), deadline, everything=everything
    )
    if not plan.runs:
        console.print(f"Nothing to do: from {first} to {last} every aggregate is newer than its grades.")
        return True
    command = f"python -m grading recompute --start {first} --end {last}"
    result = run_plan(console, application.service, plan, concurrency=concurrency, allow_shrink=False, resume=command)
    show_result(console, result)
    return not (result.failed or result.not_reached)
