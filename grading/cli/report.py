"""`python -m grading report`."""

from __future__ import annotations

import webbrowser
from datetime import date
from pathlib import Path

import click

from grading.cli.options import DAY
from grading.cli.output import Output, fail, with_output
from grading.report.data import LONGEST_DAYS, read_report

_READ_SECONDS = 300.0


@click.command()
@click.option(
    "--last", "days", type=click.IntRange(1, LONGEST_DAYS), default=60, show_default=True, help="How many dates."
)
@click.option("--until", type=DAY, help="The last date, YYYY-MM-DD; today by default.")
@click.option(
    "--out", "path", type=click.Path(dir_okay=False, path_type=Path), default=Path("report.html"), show_default=True,
    help="The file to write.",
)  # fmt: skip
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@with_output()
def report(out: Output, days: int, until: date | None, path: Path, show: bool) -> None:
    """Write a page that shows the last dates: one HTML file that needs no network.

    The state of each date and processor, the runs of the dates on which more happened (who waited, held, published or
    was refused), duplicates, ungraded predictions, accuracy by system, and lock waits. Nothing is changed.

    \b
    python -m grading report --last 60 --out report.html --open
    python -m grading report --last 365 --until 2026-06-30 --out season.html
    """
    from grading.report.page import render

    if not path.parent.is_dir():
        raise click.UsageError(f"--out {path}: the directory {path.parent} does not exist")
    application = out.application
    last = until or application.settings.local_date(application.clock.now())
    with out.waiting(f"Reading {days} dates"):
        data = read_report(application.settings, application.jobs("report", _READ_SECONDS), last, days)
    try:
        path.write_text(render(data), encoding="utf-8")
    except OSError as error:
        out.problem(f"error: {path} cannot be written: {error.strerror}")
        fail()
    out.fact("file", str(path.resolve()))
    out.fact("bytes", path.stat().st_size)
    out.fact("left_out", list(data.left_out))
    for line in data.left_out:
        out.line(line)
    out.line(f"The report was written ({path.stat().st_size / 1024:,.0f} KiB):")
    out.command(str(path.resolve()))
    if show and not webbrowser.open(path.resolve().as_uri()):
        out.line("No browser could be opened: open the file yourself.", "yellow")
