"""`python -m grading grade`."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from grading.clock import Deadline
from grading.outcome import Outcome, Status
from grading.processors import BY_NAME, PROCESSORS
from grading.run import Request
from grading.wiring import application_for_terminal


@click.command()
@click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The date to grade, YYYY-MM-DD.")
@click.option("--processor", "names", multiple=True, type=click.Choice(list(BY_NAME)), help="Only this processor.")
@click.option("--no-aggregation", is_flag=True, help="Grade only; leave the two aggregates as they are.")
@click.option("--allow-shrink", is_flag=True, help="Publish even if far fewer keys are staged than the date has.")
def grade(day: datetime, names: tuple[str, ...], no_aggregation: bool, allow_shrink: bool) -> None:
    """Grade one date now, under its lock, and print how it ended."""
    application = application_for_terminal()
    request = Request(date=day.date(), trigger_source="cli", allow_shrink=allow_shrink)
    processors = [BY_NAME[name] for name in names] or list(PROCESSORS[:1] if no_aggregation else PROCESSORS)
    deadline = Deadline.after(application.settings.function_timeout_seconds * len(processors), application.clock)
    outcomes = application.service.grade(request, processors, deadline)
    for outcome in outcomes:
        click.echo(describe(outcome))
    if any(outcome.status is Status.FAILED for outcome in outcomes):
        sys.exit(1)


def describe(outcome: Outcome) -> str:
    """One outcome in one line."""
    rows = f"{outcome.rows_inserted} rows" if outcome.status.published else outcome.detail or "nothing written"
    duplicates = outcome.duplicates.duplicate_keys if outcome.duplicates else "not checked"
    return (
        f"{outcome.date} {outcome.processor}: {outcome.status}, {rows}, duplicates {duplicates}, "
        f"lock wait {outcome.lock_wait_ms} ms, {outcome.duration_ms} ms, run {outcome.run_id}"
    )
