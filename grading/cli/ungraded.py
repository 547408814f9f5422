"""`python -m grading ungraded`."""

from __future__ import annotations

from datetime import date, timedelta

import click

from foundation import commands, figures
from foundation.clock import Deadline
from grading.cli.grade import OUTCOMES, show_reason
from grading.cli.options import DAY
from grading.cli.output import Column, Output, fail, with_output
from grading.maintenance.ungraded import Ungraded, UngradedReport, find_ungraded
from grading.maintenance.unmatched import Unmatched, find_unmatched
from grading.outcome import Outcome, Status
from grading.processors import PROCESSORS
from grading.run import Request

_READ_SECONDS = 300.0
_DEFAULT_DAYS = 7


def _without_command(advice: str) -> str:
    """Commands stand below the table, where they are not broken."""
    return advice.partition(": python -m")[0]


_CAUSES: tuple[Column[Ungraded], ...] = (
    Column(name="date", heading="Date", value=lambda found: found.day, whole=True),
    Column(name="predictions", heading="Predictions", value=lambda found: found.predictions, number=True),
    Column(name="cause", heading="Cause", value=lambda found: found.cause, whole=True),
    Column(name="advice", heading="What to do", value=lambda found: found.advice, show=_without_command),
)
_UNMATCHED: tuple[Column[Unmatched], ...] = (
    Column(name="date", heading="Date", value=lambda found: found.day, whole=True),
    Column(
        name="prediction", heading="Prediction without a box score", value=lambda found: found.player.name, whole=True
    ),
    Column(
        name="nearest",
        heading="Box scores without a prediction",
        value=lambda found: ", ".join(other.name for other in found.nearest) or "none is left",
    ),
)

_TOTALS: tuple[Column[tuple[str, int]], ...] = (
    Column(name="predictions", heading="Predictions", value=lambda total: total[1], number=True),
    Column(name="cause", heading="Cause, all dates", value=lambda total: total[0]),
)


@click.command()
@click.option("--start", type=DAY, help=f"The first date; default: {_DEFAULT_DAYS} days ago.")
@click.option("--end", type=DAY, help="The last date; default: yesterday, or the first date.")
@click.option("--grade", "do_grade", is_flag=True, help="Grade the dates that have something to grade now.")
@with_output()
def ungraded(out: Output, start: date | None, end: date | None, do_grade: bool) -> None:
    """Explain each prediction that has no grade, by date and cause, and what to do about it.

    \b
    One date:          python -m grading ungraded --start 2026-01-16 --end 2026-01-16
    And grade it:      python -m grading ungraded --start 2026-01-16 --end 2026-01-16 --grade
    """
    application = out.application
    yesterday = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    last = end or max(start or yesterday, yesterday)
    first = start or last - timedelta(days=_DEFAULT_DAYS - 1)
    with out.waiting(f"Reading what {first} to {last} have"):
        report = find_ungraded(application.settings, application.jobs("ungraded", _READ_SECONDS), start=first, end=last)
    _show(out, report, first, last)
    if "no_box_score_for_player" in report.by_cause:
        unmatched = find_unmatched(
            application.settings, application.jobs("unmatched", _READ_SECONDS), start=first, end=last
        )
        out.line()
        out.table("unmatched", _UNMATCHED, unmatched)
    days = report.gradable_dates
    if do_grade:
        _grade(out, report)
    elif days:
        out.line(f"{figures.counted(len(days), 'date')} can be graded now:")
        out.command(f"{commands.ungraded(first, last)} --grade")


def _show(out: Output, report: UngradedReport, first: date, last: date) -> None:
    for name, value in {
        "start": first, "end": last, "predictions": report.predictions, "graded": report.graded,
        "not_graded": report.total,
    }.items():  # fmt: skip
        out.fact(name, value)
    out.line(
        f"{first} to {last}: {figures.counted(report.predictions, 'prediction')}, {report.graded:,} graded, "
        f"{report.total:,} not"
    )
    out.table("causes", _CAUSES, report.causes)
    if report.causes:
        out.line()
        out.table("totals", _TOTALS, [*report.by_cause.items(), ("in all", report.total)])


def _grade(out: Output, report: UngradedReport) -> None:
    application = out.application
    outcomes: list[Outcome] = []
    for day in report.gradable_dates:
        request = Request(date=day, trigger_source="ungraded")
        seconds = application.settings.function_timeout_seconds * len(PROCESSORS)
        outcomes += application.service.grade(request, PROCESSORS, Deadline.after(seconds, application.clock))
    out.table("outcomes", OUTCOMES, outcomes, empty="Nothing can be graded now.")
    for outcome in outcomes:
        show_reason(out, outcome)
    if any(outcome.status in (Status.FAILED, Status.ROWS_MISSING) for outcome in outcomes):
        fail()
