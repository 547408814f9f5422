"""`python -m grading undo`."""

from __future__ import annotations

import click

from foundation import commands, figures
from foundation.errors import InvalidSettings
from grading.cli.output import Column, Output, fail, with_output
from grading.cli.repairs import aggregates_of, batch_dates_option, repair_dates
from grading.maintenance.backup import KEPT_DAYS, Backup, make_backup
from grading.maintenance.orphans import restore_dropped
from grading.maintenance.repair_result import Result
from grading.maintenance.repair_tables import REPAIR_TABLES
from grading.maintenance.undo import Changed, Undoable, backups, changes, find_backup

_READ_SECONDS = 300.0

_BACKUPS: tuple[Column[Undoable], ...] = (
    Column(name="backup", heading="Backup", value=lambda u: u.backup.short, whole=True),
    Column(name="made_at", heading="Made (UTC)", value=lambda u: u.backup.made_at, whole=True),
    Column(name="made_for", heading="By", value=lambda u: u.made_for),
    Column(name="table", heading="Table", value=lambda u: u.backup.table),
    Column(name="dates", heading="Dates", value=lambda u: len(u.changed.dates) if u.changed else 0, number=True),
    Column(name="effect", heading="Undoing it", value=lambda u: u.effect),
    Column(name="name", heading="Whole name", value=lambda u: u.backup.name, wide=True),
)


@click.command()
@click.argument("backup", required=False)
@click.option("--execute", is_flag=True, help="Do it. Without this, only what would change is printed.")
@click.option("--overwrite", is_flag=True, help="Also dates that were written after the repair; those rows are lost.")
@batch_dates_option
@click.option("--keep-days", default=KEPT_DAYS, show_default=True, type=click.IntRange(1, 365), help="Backup's life.")
@with_output()
def undo(out: Output, backup: str | None, execute: bool, overwrite: bool, batch_dates: int, keep_days: int) -> None:
    """Put back what a repair has changed, from its backup. Without a name, list the backups.

    BACKUP is a short name as the list shows it (1a2b3c), or a whole one. Only the dates that the repair changed are
    put back, many of them in one transaction, each under its lock. A date that was written after the repair is left
    alone. A backup of the present state is made first, so that an undo can be undone.
    """
    if backup is not None and not (Backup.is_name(backup) or Backup.is_short_name(backup)):
        raise click.UsageError(f"{backup!r} is not the name of a backup: `{commands.UNDO}` lists them")
    application = out.application
    settings = application.settings
    if backup is None:
        out.table(
            "backups", _BACKUPS, backups(settings, application.jobs("undo", _READ_SECONDS)), empty="There is no backup."
        )
        return
    taken = find_backup(settings, application.jobs("undo", _READ_SECONDS), backup)
    found = changes(settings, application.jobs("undo", _READ_SECONDS), taken.name)
    out.fact("backup", taken.name)
    if not found:
        _undo_staging(out, taken, execute=execute)
        return
    (changed,) = found
    out.line(
        f"{changed.table}: {figures.counted(len(changed.dates), 'date')}, {min(changed.dates)} to "
        f"{max(changed.dates)}, changed by {changed.trigger} at {changed.last_committed_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    out.line(f"Undoing it {Undoable(backup=taken, changed=changed).effect}.")
    if not execute:
        out.line("Nothing was changed. To put them back:")
        out.command(taken.undo_command)
        return
    _restore(out, taken, changed, overwrite=overwrite, batch_dates=batch_dates, keep_days=keep_days)


def _restore(
    out: Output, taken: Backup, changed: Changed, *, overwrite: bool, batch_dates: int, keep_days: int
) -> None:
    application = out.application
    settings = application.settings
    repaired = REPAIR_TABLES.get(changed.table)
    if repaired is None or repaired.path(settings).table != taken.table:
        raise InvalidSettings(f"{taken.name} is of {taken.dataset}.{taken.table}, which is not configured here")
    own = make_backup(repaired.path(settings), settings, application.jobs("undo", _READ_SECONDS), days=keep_days)
    out.fact("undo_command", own.undo_command)
    out.line(f"Backup {own.short} of the present state is kept for {figures.counted(keep_days, 'day')}.")
    out.line("To undo this undo:")
    out.command(own.undo_command)
    results, _ = repair_dates(
        out,
        repaired,
        changed.rows,
        lambda days, deadline: application.repairer.restore(
            repaired, days, taken, own, deadline, over=changed.dates, overwrite=overwrite
        ),
        batch_dates=batch_dates,
        command=taken.undo_command,
    )
    aggregates_of(out, repaired, [found.date for found in results if found.result.good], recompute=False)
    left = [found for found in results if not found.result.good]
    if any(found.result is Result.WRITTEN_SINCE for found in left):
        out.line("Dates that were written since are left alone. To put them back, and lose what was written:", "red")
        out.command(f"{taken.undo_command} --overwrite")
    not_begun = len(results) < len(changed.rows)
    if not_begun or any(found.result is not Result.WRITTEN_SINCE for found in left):
        out.line("Some dates were not put back; the same command goes on with what is left:", "red")
        out.command(taken.undo_command)
    if left or not_begun:
        fail()


def _undo_staging(out: Output, taken: Backup, *, execute: bool) -> None:
    """The backup of a staging table that was dropped."""
    settings = out.application.settings
    if taken.dataset not in (settings.staging_dataset, settings.target_dataset):
        raise InvalidSettings(f"no repair is recorded with {taken.name}: nothing to put back")
    if taken.table in REPAIR_TABLES:
        out.line(f"Backup {taken.short} was made, and no date was changed after it: nothing to put back.")
        return
    out.line(f"{taken.table} is created anew from backup {taken.short}.")
    if not execute:
        out.line("Nothing was changed. To put it back:")
        out.command(taken.undo_command)
        return
    restore_dropped(taken, settings, out.application.jobs("undo", _READ_SECONDS))
    out.line("Put back.")
