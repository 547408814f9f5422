"""`python -m grading undo`."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from foundation.clock import Deadline
from foundation.errors import InvalidSettings
from grading.cli.console import ConsoleSink
from grading.cli.repairs import aggregates_of, console, date_table, repair_dates
from grading.maintenance.backup import KEPT_DAYS, Backup, make_backup
from grading.maintenance.orphans import restore_dropped
from grading.maintenance.repair_tables import REPAIR_TABLES
from grading.maintenance.undo import Changed, changes
from grading.wiring import Application, application_for_terminal

_READ_SECONDS = 300.0
_DATE_SECONDS = 900.0


@click.command()
@click.argument("backup", required=False)
@click.option("--execute", is_flag=True, help="Do it. Without this, only what would change is printed.")
@click.option("--overwrite", is_flag=True, help="Also dates that were written after the repair; those rows are lost.")
@click.option("--keep-days", default=KEPT_DAYS, show_default=True, type=click.IntRange(1, 365), help="Backup's life.")
def undo(backup: str | None, execute: bool, overwrite: bool, keep_days: int) -> None:
    """Put back what a repair has changed, from its backup. Without a name, list the backups.

    Only the dates that the repair changed are put back, each in one transaction under its lock. A date that was
    written after the repair is left alone. A backup of the present state is made first, so that an undo can be
    undone.
    """
    application = application_for_terminal(ConsoleSink(console))
    if backup is None:
        _list(application)
        return
    taken = Backup.named(backup)
    found = changes(application.settings, application.jobs("undo", _READ_SECONDS), taken.name)
    if not found:
        _undo_staging(application, taken, execute=execute)
        return
    (changed,) = found
    click.echo(
        f"{changed.table}: {len(changed.dates)} dates, {min(changed.dates)} to {max(changed.dates)}, "
        f"changed by {changed.trigger} at {changed.last_committed_at:%Y-%m-%d %H:%M:%S} UTC; "
        f"{changed.rows_removed:,} rows come back"
    )
    if not execute:
        click.echo("Nothing was changed. Add --execute to put them back.")
        return
    _restore(application, taken, changed, overwrite=overwrite, keep_days=keep_days)


def _restore(application: Application, taken: Backup, changed: Changed, *, overwrite: bool, keep_days: int) -> None:
    settings, clock = application.settings, application.clock
    repaired = REPAIR_TABLES.get(changed.table)
    if repaired is None or repaired.path(settings).table != taken.table:
        raise InvalidSettings(f"{taken.name} is of {taken.dataset}.{taken.table}, which is not configured here")
    own = make_backup(repaired.path(settings), settings, application.jobs("undo", _READ_SECONDS), days=keep_days)
    click.echo(f"Backup of the present state: {own.path(settings)}, kept for {keep_days} days")
    click.echo(f"To undo this undo: {own.undo_command}")
    results = repair_dates(
        sorted(changed.dates),
        lambda day: application.repairer.restore(
            repaired,
            day,
            taken,
            own,
            Deadline.after(_DATE_SECONDS, clock),
            over=changed.dates[day],
            overwrite=overwrite,
        ),
    )
    console.print(date_table(results))
    aggregates_of(application, repaired, [found.day for found in results if found.result.good], recompute=False)
    if not all(result.result.good for result in results):
        sys.exit(1)


def _undo_staging(application: Application, taken: Backup, *, execute: bool) -> None:
    """The backup of a staging table that was dropped."""
    if taken.dataset not in (application.settings.staging_dataset, application.settings.target_dataset):
        raise InvalidSettings(f"no repair is recorded with {taken.name}: nothing to put back")
    if taken.table in REPAIR_TABLES:
        click.echo(f"{taken.name} was made, and no date was changed after it: nothing to put back.")
        return
    click.echo(f"{taken.dataset}.{taken.table} is created anew from {taken.name}")
    if not execute:
        click.echo("Nothing was changed. Add --execute to put it back.")
        return
    restore_dropped(taken, application.settings, application.jobs("undo", _READ_SECONDS))
    click.echo("Put back.")


def _list(application: Application) -> None:
    table = Table("Backup", "Made for", "Dates", "Rows removed", "When (UTC)", box=None, pad_edge=False)
    for changed in changes(application.settings, application.jobs("undo", _READ_SECONDS)):
        table.add_row(
            changed.backup.name,
            f"{changed.trigger} {changed.table}",
            str(len(changed.dates)),
            f"{changed.rows_removed:,}",
            f"{changed.last_committed_at:%Y-%m-%d %H:%M}",
        )
    console.print(table if table.row_count else "No repair is recorded.")
