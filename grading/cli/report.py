"""`python -m grading report`."""

from __future__ import annotations

import sys
import webbrowser
from datetime import datetime
from pathlib import Path

import click

from grading.cli.console import ConsoleSink, make_console, waiting_for
from grading.report.data import LONGEST_DAYS, read_report
from grading.wiring import application_for_terminal

_READ_SECONDS = 300.0


@click.command()
@click.option(
    "--last", "days", type=click.IntRange(1, LONGEST_DAYS), default=60, show_default=True, help="How many dates."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last date, YYYY-MM-DD; today by default.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("report.html"), show_default=True,
    help="The file to write.",
)  # fmt: skip
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(days: int, until: datetime | None, out: Path, show: bool) -> None:
    """Write a page that shows the last dates: one HTML file that needs no network.

    The state of each date and processor, the runs of the dates on which more happened (who waited, held, published or
    was refused), duplicates, ungraded predictions, accuracy by system, and lock waits. Nothing is changed.

    \b
    python -m grading report --last 60 --out report.html --open
    python -m grading report --last 365 --until 2026-06-30 --out season.html
    """
    from grading.report.page import render

    if not out.parent.is_dir():
        raise click.UsageError(f"--out {out}: the directory {out.parent} does not exist")
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    last = until.date() if until else application.settings.local_date(application.clock.now())
    with waiting_for(console, f"Reading {days} dates"):
        data = read_report(application.settings, application.jobs("report", _READ_SECONDS), last, days)
    try:
        out.write_text(render(data), encoding="utf-8")
    except OSError as error:
        click.echo(f"error: {out} cannot be written: {error.strerror}", err=True)
        sys.exit(1)
    for line in data.left_out:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{out.resolve()}: {out.stat().st_size / 1024:,.0f} KiB", markup=False, highlight=False, soft_wrap=True
    )
    if show and not webbrowser.open(out.resolve().as_uri()):
        console.print("No browser could be opened: open the file yourself.", style="yellow")
