"""`python -m grading accuracy`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import click

from foundation import commands
from grading.cli.output import Column, Output, with_output
from grading.report.accuracy import SystemAccuracy, accuracy_of

_READ_SECONDS = 300.0


def _confidence(row: SystemAccuracy) -> str:
    if row.is_total:
        return "all"
    if row.confidence_decile is None:
        return "none"
    return f"{(row.confidence_decile - 1) / 10:.1f}-{row.confidence_decile / 10:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _interval(row: SystemAccuracy) -> str | None:
    return None if row.hit_rate_low is None else f"{_percent(row.hit_rate_low)}-{_percent(row.hit_rate_high)}"


_COLUMNS: tuple[Column[SystemAccuracy], ...] = (
    Column(name="system", heading="System", value=lambda row: row.system_id if row.is_total else None),
    Column(name="confidence", heading="Conf.", value=_confidence, whole=True),
    Column(name="predictions", heading="Pred.", value=lambda row: row.predictions, number=True),
    Column(name="decided", heading="Bets", value=lambda row: row.decided, number=True),
    Column(name="hit_rate", heading="Hit %", value=lambda row: row.hit_rate, show=_percent, number=True),
    Column(name="interval", heading="95 %", value=_interval, number=True),
    Column(name="brier_score", heading="Brier", value=lambda row: row.brier_score, show="{:.3f}".format, number=True),
    Column(name="mae", heading="MAE", value=lambda row: row.mae, show="{:.2f}".format, number=True),
    Column(
        name="units",
        heading="Units",
        value=lambda row: row.units if row.real_bets else None,
        show="{:+.2f}".format,
        number=True,
    ),
)


@click.command()
@click.option("--last", "days", default=30, show_default=True, type=click.IntRange(1, 400), help="Dates to look at.")
@with_output()
def accuracy(out: Output, days: int) -> None:
    """Show how accurate each system is, by decile of confidence.

    Predictions, decided bets, hit rate with its 95 % interval, Brier score, mean absolute error, and the return
    in units at -110. One bet a player, game and system. docs/accuracy.md has the formulas; a confidence may not be
    a probability.

    \b
    python -m grading accuracy --last 30
    """
    application = out.application
    end = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    start = end - timedelta(days=days - 1)
    with out.waiting(f"Reading the grades from {start} to {end}"):
        rows = accuracy_of(application.settings, application.jobs("accuracy", _READ_SECONDS), start, end)
    out.fact("start", start)
    out.fact("end", end)
    if not rows:
        out.line(f"No grades from {start} to {end}. Grade them:")
        out.command(commands.CATCH_UP)
    else:
        out.line(f"Accuracy from {start} to {end}, one bet a player, game and system")
        out.table("systems", _COLUMNS, rows)
    out.fact("systems", [asdict(row) for row in rows])
