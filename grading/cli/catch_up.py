"""`python -m grading catch-up`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import click

from foundation import commands, figures
from foundation.clock import Deadline
from grading.catch_up_window import CATCH_UP_DAYS
from grading.cli.output import Column, Output, fail, with_output
from grading.cli.progress import state_line
from grading.dates.catch_up import LookedAt
from grading.processors import PROCESSORS

_LOOKED_AT: tuple[Column[LookedAt], ...] = (
    Column(name="date", heading="Date", value=lambda look: look.date, whole=True),
    Column(name="predictions", heading="Predictions", value=lambda look: look.predictions, number=True),
    Column(
        name="with_box_score", heading="With box score", value=lambda look: look.with_box_score, number=True
    ),
    Column(name="finding", heading="What was found", value=lambda look: look.finding),
)  # fmt: skip


@click.command("catch-up")
@click.option(
    "--days", type=click.IntRange(1, 366), default=CATCH_UP_DAYS, show_default=True, help="How many days back to look."
)
@with_output()
def catch_up(out: Output, days: int) -> None:
    """Grade the recent dates that are behind.

    These are dates that no event has graded, or whose box scores came after their last run. The last day looked
    at is yesterday. What is complete is left alone, so a second run does nothing. The schedule does the same
    with the message {"task": "catch_up", "days": 7}.
    """
    application = out.application
    seconds = application.settings.function_timeout_seconds * days * len(PROCESSORS)
    reporting = replace(
        application.catch_up,
        on_work=lambda work: out.line(f"{work.date}  {work.processor.name}: {work.reason}"),
        on_outcome=lambda outcome: out.console.print(state_line(outcome)),
    )
    with out.waiting(f"Reading what the last {days} days have"):
        report = reporting.run(days, Deadline.after(seconds, application.clock))
    out.table("dates", _LOOKED_AT, report.looked_at)
    counts = Counter(look.state for look in report.looked_at)
    published = sum(outcome.status.published for outcome in report.outcomes)
    totals = {
        "dates_looked_at": len(report.looked_at) - counts["not over"],
        "runs_published": published,
        "runs_failed": len(report.failed),
        "runs_left": len(report.left),
        "dates_without_box_scores": len(report.waiting),
    }
    for name, count in totals.items():
        out.fact(name, count)
    looked = figures.counted(totals["dates_looked_at"], "date")
    if not report.outcomes and not report.left:
        out.line(f"Nothing to do: {looked} looked at, {len(report.waiting)} of them without box scores.")
    else:
        out.line(
            f"{looked} looked at: {figures.counted(published, 'run')} published, {len(report.failed)} failed, "
            f"{len(report.left)} left; {figures.counted(len(report.waiting), 'date')} without box scores."
        )
    for state in report.refused:
        out.line(
            f"{state.date} is behind, but would shrink from {state.graded_keys:,} to {state.with_box_score:,} keys. "
            "Look at what is missing first; if it really has fewer, grade it with --allow-shrink:"
        )
        out.command(commands.ungraded(state.date))
    if report.failed or report.left:
        out.line("To go on with what is left:", "yellow")
        out.command(f"{commands.CATCH_UP} --days {days}")
        fail()
