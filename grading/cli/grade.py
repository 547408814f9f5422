"""`python -m grading grade`."""

from __future__ import annotations

from datetime import date

import click

from foundation import commands, figures
from foundation.clock import Deadline
from grading.cli.dry_run import show_previews
from grading.cli.options import DAY, chosen, processor_option
from grading.cli.output import Column, Output, fail, with_output
from grading.cli.progress import STYLES
from grading.dates.backfill import FAILURES
from grading.outcome import Outcome, Status
from grading.processors import GRADING
from grading.run import Request

OUTCOMES: tuple[Column[Outcome], ...] = (
    Column(name="date", heading="Date", value=lambda o: o.date, whole=True),
    Column(name="processor", heading="Processor", value=lambda o: o.processor, whole=True),
    Column(name="status", heading="Status", value=lambda o: o.status.value, style=lambda o: STYLES[o.status]),
    Column(name="rows", heading="Rows", value=lambda o: o.rows_inserted, number=True),
    Column(
        name="duplicate_keys",
        heading="Duplicates",
        value=lambda o: o.duplicates.duplicate_keys if o.duplicates else None,
        number=True,
    ),
    Column(
        name="duration_ms",
        heading="Took",
        value=lambda o: o.duration_ms,
        show=lambda ms: figures.span(ms / 1000),
        number=True,
    ),
    Column(
        name="lock_wait_ms", heading="Lock wait", value=lambda o: o.lock_wait_ms, show=lambda ms: f"{ms:,} ms",
        number=True, wide=True,
    ),
    Column(name="run_id", heading="Run", value=lambda o: o.run_id, show=lambda run: run[:8], whole=True, wide=True),
    Column(name="detail", heading="Detail", value=lambda o: o.detail or None, wide=True),
)  # fmt: skip


@click.command()
@click.option("--date", "day", required=True, type=DAY, help="The date to grade: YYYY-MM-DD, today or yesterday.")
@processor_option()
@click.option("--no-aggregation", is_flag=True, help="Grade only; leave the two aggregates as they are.")
@click.option("--allow-shrink", is_flag=True, help="Publish even if far fewer keys are staged than the date has.")
@click.option("--dry-run", is_flag=True, help="Show what would change and what the checks say; publish nothing.")
@click.option("--without-lock", is_flag=True, help="For emergencies: do not take the lock. The write stays fenced.")
@with_output(events=True)
def grade(
    out: Output,
    day: date,
    names: tuple[str, ...],
    no_aggregation: bool,
    allow_shrink: bool,
    dry_run: bool,
    without_lock: bool,
) -> None:
    """Grade one date now, and show how it goes and how it ended.

    Grading first, then the daily aggregate and the summary, each under its own lock and in one transaction. A
    date that is graded already is graded anew, and nobody sees it without rows meanwhile.

    \b
    python -m grading grade --date 2026-01-16
    python -m grading grade --date yesterday --processor system_daily_performance
    python -m grading grade --date 2026-01-16 --dry-run

    Exit code 1 if a processor failed, refused to publish far fewer keys than the date has, or published rows that are
    not there afterwards.
    """
    if names and no_aggregation:
        raise click.UsageError("--processor and --no-aggregation exclude each other: name what is to run")
    application = out.application
    request = Request(date=day, trigger_source="cli", allow_shrink=allow_shrink)
    processors = [GRADING] if no_aggregation else chosen(names)
    deadline = Deadline.after(application.settings.function_timeout_seconds * len(processors), application.clock)
    if dry_run:
        if not show_previews(out, request, processors, deadline):
            fail()
        return
    outcomes = application.service.grade(request, processors, deadline, use_lock=not without_lock)
    out.table("outcomes", OUTCOMES, outcomes)
    for outcome in outcomes:
        show_reason(out, outcome)
    if any(outcome.status in FAILURES for outcome in outcomes):
        fail()


def show_reason(out: Output, outcome: Outcome) -> None:
    """Why a run published nothing, or not all, and what to look at first."""
    written = outcome.written
    match outcome.status:
        case Status.SHRUNK if written and written.lost_rows:
            out.line(
                f"{outcome.processor} was not published: {written.detail}. --allow-shrink publishes without them.",
                "red",
            )
            out.command(commands.preview(outcome.date))
        case Status.SHRUNK if written:
            out.line(
                f"{outcome.processor} was not published: {figures.counted(written.staged_keys, 'key')} would replace "
                f"{figures.counted(written.present_keys, 'key')}. Look first whether the input tables are whole; "
                "then grade again. --allow-shrink is for a date that really has fewer.",
                "red",
            )
            out.command(commands.preview(outcome.date))
        case Status.FAILED:
            out.line(f"{outcome.processor} failed: {outcome.detail}", "red")
            out.command(commands.after_failure(outcome.date, outcome.detail))
        case Status.NO_ACTUALS | Status.PARTIAL:
            out.line(f"{outcome.processor}: {outcome.detail or 'box scores are missing'}", "yellow")
            out.command(commands.ungraded(outcome.date))
        case Status.NO_PREDICTIONS if outcome.processor == GRADING.name:
            out.line(f"There is nothing to grade on {outcome.date}. {outcome.detail}".rstrip(), "yellow")
            out.command(commands.ungraded(outcome.date))
