"""`python -m grading recompute`."""

from __future__ import annotations

from datetime import date

import click

from foundation import commands
from foundation.clock import Deadline
from grading.cli.options import chosen, processor_option, range_options
from grading.cli.output import Output, fail, with_output
from grading.cli.runner import run_plan, show_result
from grading.dates.backfill import plan_recompute
from grading.processors import AGGREGATES, Processor

_PLAN_SECONDS = 300.0


@click.command()
@range_options
@processor_option(AGGREGATES)
@click.option("--all", "everything", is_flag=True, help="Every date with grades, whether they changed or not.")
@click.option("--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="Batches at once.")
@with_output()
def recompute(out: Output, start: date, end: date, names: tuple[str, ...], everything: bool, concurrency: int) -> None:
    """Compute anew the aggregates that are out of date.

    These are dates whose grades have changed since, as after a clean-up. Grades are left as they are. A summary is
    out of date, too, once a date before its own was graded again.
    """
    processors = chosen(names, AGGREGATES)
    if not recompute_range(out, start, end, processors=processors, everything=everything, concurrency=concurrency):
        fail()


def recompute_range(
    out: Output,
    first: date,
    last: date,
    *,
    processors: list[Processor] | None = None,
    everything: bool = False,
    concurrency: int = 4,
) -> bool:
    """Recompute a range and show it; False if a date failed or was not reached."""
    service = out.application.service
    deadline = Deadline.after(_PLAN_SECONDS, service.clock)
    with out.waiting(f"Comparing aggregates with grades from {first} to {last}"):
        plan = plan_recompute(service, first, last, processors or list(AGGREGATES), deadline, everything=everything)
    if not plan.runs:
        out.fact("runs_ended", 0)
        out.line(f"Nothing to do: from {first} to {last} every aggregate is newer than its grades.")
        return True
    names = [processor.name for processor in processors] if processors else []
    some = names if len(names) < len(AGGREGATES) else []
    command = commands.recompute(first, last, some, everything=everything)
    result = run_plan(out, service, plan, concurrency=concurrency, allow_shrink=False, resume=command)
    show_result(out, result)
    if result.failed or result.not_reached:
        out.line("To go on:", "yellow")
        out.command(command)
    return not (result.failed or result.not_reached)
