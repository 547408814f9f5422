"""`python -m grading diff`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import click

from foundation.clock import Deadline
from grading.cli.options import DAY
from grading.cli.output import Output, with_output
from grading.history import RunHistory
from grading.maintenance.backup import Backup
from grading.processors import BY_NAME, GRADING, PROCESSORS
from grading.report.diff import SAMPLES, Difference, between, choose, compare, ensure_readable
from grading.run import Request, Run
from grading.wiring import Application

_SECONDS = 300.0


@click.command()
@click.argument("day", metavar="DATE", type=DAY)
@click.option(
    "--processor", "name", type=click.Choice([processor.name for processor in PROCESSORS]), default=GRADING.name,
    show_default=True, help="Whose table.",
)  # fmt: skip
@click.option("--from", "older", metavar="RUN", help="The run that published the older state, or a backup's name.")
@click.option("--to", "newer", metavar="RUN", help="The run that published the newer state; the last one by default.")
@with_output()
def diff(out: Output, day: date, name: str, older: str | None, newer: str | None) -> None:
    """Show what changed between two publishes of a date: rows and columns, with samples.

    By default the last two. A run is named by its id or the beginning of it, as `explain` shows it. How far back the
    rows can be read is set on the dataset (2 to 7 days); a backup can be compared with as long as it is there.

    \b
    python -m grading diff 2026-01-10
    python -m grading diff 2026-01-10 --from 3f2a91c4 --to 77aa01de
    python -m grading diff 2026-01-10 --from backup-20260110T093000-1a2b3c-nba_predictions-prediction_accuracy
    """
    application = out.application
    deadline = Deadline.after(_SECONDS, application.clock)
    request = Request(date=day, trigger_source="diff")
    run = Run.start(BY_NAME[name], request, application.settings, application.warehouse, deadline)
    with out.waiting("Comparing in the warehouse"):
        title, found = _compare(application, run, older, newer)
    for fact, value in {"date": run.lock_key, "processor": name, "compared": title, **asdict(found)}.items():
        out.fact(fact, value)
    out.line(title)
    show(out, found)


def _compare(application: Application, run: Run, older: str | None, newer: str | None) -> tuple[str, Difference]:
    name = run.processor.name
    if older and older.startswith("backup-"):
        backup = Backup.named(older)
        found = compare(run, old=backup.path(application.settings), new=run.target)
        return f"{name} {run.lock_key}: from {backup.name} to now", found
    runs = [
        record for record in RunHistory(application.settings, run.jobs).of_date(run.date) if record.processor == name
    ]
    publishes = choose(runs, older, newer)
    hours = application.warehouse.time_travel_hours(run.target)
    ensure_readable(publishes.older_as_of, application.clock.now(), hours)
    ids = f"run {publishes.older.run_id[:8]} to run {publishes.newer.run_id[:8]}"
    return f"{name} {run.lock_key}: from {ids}", between(run, publishes)


def show(out: Output, found: Difference) -> None:
    """A difference in a few lines."""
    out.line(
        f"{found.added:,} rows added, {found.removed:,} removed, {found.changed:,} changed, "
        f"{found.unchanged:,} as before"
    )
    for column, count in sorted(found.columns.items(), key=lambda item: (-item[1], item[0])):
        out.item("", f"{column}: {count:,} changed")
    if found.samples:
        out.line(f"Samples, at most {SAMPLES} of each kind:")
    for sample in found.samples:
        key = ", ".join("NULL" if value is None else str(value) for value in sample.key.values())
        out.item(f"{sample.kind:<7}", f"{key}  {sample.differs}".rstrip())
