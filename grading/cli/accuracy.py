"""`python -m grading accuracy`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import click
from rich.table import Table

from grading.cli.console import ConsoleSink, make_console
from grading.report.accuracy import SystemAccuracy, accuracy_of
from grading.wiring import application_for_terminal

_READ_SECONDS = 300.0


@click.command()
@click.option("--last", "days", default=30, show_default=True, type=click.IntRange(1, 400), help="Dates to look at.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def accuracy(days: int, form: str) -> None:
    """Show how accurate each system is, by decile of confidence.

    Predictions, decided bets, hit rate with its 95 % interval, Brier score, mean absolute error, and the return
    in units at -110. One bet a player, game and system. docs/accuracy.md has the formulas; a confidence may not be
    a probability.

    \b
    python -m grading accuracy --last 30
    """
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    end = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    start = end - timedelta(days=days - 1)
    rows = accuracy_of(application.settings, application.jobs("accuracy", _READ_SECONDS), start, end)
    if form == "json":
        found = {"start": start.isoformat(), "end": end.isoformat(), "systems": [asdict(row) for row in rows]}
        click.echo(json.dumps(found, indent=2))
        return
    if not rows:
        click.echo(f"No grades from {start} to {end}. Grade them: python -m grading catch-up")
        return
    click.echo(f"Accuracy from {start} to {end}, one bet a player, game and system")
    console.print(_table(rows))


def _table(rows: Sequence[SystemAccuracy]) -> Table:
    table = Table("System", "Conf.", box=None, pad_edge=False)
    for heading in ("Pred.", "Bets", "Hit %", "95 %", "Brier", "MAE", "Units"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.system_id if row.is_total else "",
            _confidence(row),
            f"{row.predictions:,}",
            f"{row.decided:,}",
            _percent(row.hit_rate),
            "" if row.hit_rate_low is None else f"{_percent(row.hit_rate_low)}-{_percent(row.hit_rate_high)}",
            "" if row.brier_score is None else f"{row.brier_score:.3f}",
            "" if row.mae is None else f"{row.mae:.2f}",
            f"{row.units:+.2f}" if row.real_bets else "",
            style="bold" if row.is_total else "",
        )
    return table


def _confidence(row: SystemAccuracy) -> str:
    if row.is_total:
        return "all"
    if row.confidence_decile is None:
        return "none"
    return f"{(row.confidence_decile - 1) / 10:.1f}-{row.confidence_decile / 10:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"
