"""`python -m grading grade`."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from foundation.clock import Deadline
from grading.cli.options import chosen, processor_option
from grading.dates.backfill import FAILURES
from grading.outcome import Outcome
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import application_for_terminal


@click.command()
@click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The date to grade, YYYY-MM-DD.")
@processor_option()
@click.option("--no-aggregation", is_flag=True, help="Grade only; leave the two aggregates as they are.")
@click.option("--allow-shrink", is_flag=True, help="Publish even if far fewer keys are staged than the date has.")
@click.option("--without-lock", is_flag=True, help="For emergencies: do not take the lock. The write stays fenced.")
def grade(day: datetime, names: tuple[str, ...], no_aggregation: bool, allow_shrink: bool, without_lock: bool) -> None:
    """Grade one date now, and print how it ended.

    Grading first, then the daily aggregate and the summary, each under its own lock and in one transaction. A
    date that is graded already is graded anew, and nobody sees it without rows meanwhile.

    \b
    python -m grading grade --date 2026-01-16
    python -m grading grade --date 2026-01-16 --processor system_daily_performance

    Exit code 1 if a processor failed, refused to publish far fewer keys than the date has, or published rows that are
    not there afterwards.
    """
    application = application_for_terminal()
    request = Request(date=day.date(), trigger_source="cli", allow_shrink=allow_shrink)
    if names and no_aggregation:
        raise click.UsageError("--processor and --no-aggregation exclude each other: name what is to run")
    processors = [GRADING] if no_aggregation else chosen(names)
    deadline = Deadline.after(application.settings.function_timeout_seconds * len(processors), application.clock)
    outcomes = application.service.grade(request, processors, deadline, use_lock=not without_lock)
    for outcome in outcomes:
        click.echo(describe(outcome))
    if any(outcome.status in FAILURES for outcome in outcomes):
        sys.exit(1)


def describe(outcome: Outcome) -> str:
    """One outcome in one line."""
    rows = f"{outcome.rows_inserted} rows" if outcome.status.published else outcome.detail or "nothing written"
    duplicates = outcome.duplicates.duplicate_keys if outcome.duplicates else "not checked"
    return (
        f"{outcome.date} {outcome.processor}: {outcome.status}, {rows}, duplicates {duplicates}, "
        f"lock wait {outcome.lock_wait_ms} ms, {outcome.duration_ms} ms, run {outcome.run_id}"
    )
