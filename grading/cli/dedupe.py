"""`python -m grading dedupe`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from foundation.clock import Deadline
from grading.cli.console import ConsoleSink
from grading.cli.repairs import aggregates_of, console, date_table, repair_dates
from grading.maintenance.backup import KEPT_DAYS, make_backup
from grading.maintenance.damage import Damage, survey
from grading.maintenance.findings import update_findings
from grading.maintenance.repair_tables import PREDICTIONS, REPAIR_TABLES, RepairTable
from grading.maintenance.repairer import DateResult
from grading.wiring import Application, application_for_terminal

_SURVEY_SECONDS = 600.0
_DATE_SECONDS = 900.0


@click.command()
@click.option("--table", "name", required=True, type=click.Choice(list(REPAIR_TABLES)), help="The table to repair.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="The first date; default: the table's first.")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="The last date; default: the table's last.")
@click.option("--execute", is_flag=True, help="Do it. Without this, only what would change is printed.")
@click.option(
    "--merge-differing",
    is_flag=True,
    help=f"In {PREDICTIONS.name}: of revised predictions too, keep the earliest. Default: only copies go.",
)
@click.option("--recompute", is_flag=True, help="After the repair, recompute the aggregates of the repaired dates.")
@click.option("--keep-days", default=KEPT_DAYS, show_default=True, type=click.IntRange(1, 365), help="Backup's life.")
def dedupe(
    name: str,
    start: datetime | None,
    end: datetime | None,
    execute: bool,
    merge_differing: bool,
    recompute: bool,
    keep_days: int,
) -> None:
    """Remove duplicate rows, keeping the earliest row of each business key.

    Works date by date: under the date's lock, in one transaction that replaces the date, so that readers see
    the old rows or the new ones. The table itself is never dropped or renamed. A backup is made first, and the
    command that brings it back is printed.

    \b
    Preview:  python -m grading dedupe --table prediction_accuracy
    Repair:   python -m grading dedupe --table prediction_accuracy --execute
    Undo:     python -m grading undo BACKUP --execute

    Killed at any moment, each date is whole; the same command finishes the work.
    """
    application = application_for_terminal(ConsoleSink(console))
    repaired = REPAIR_TABLES[name]
    merge = merge_differing or repaired.merges_differing
    damage = survey(
        repaired,
        application.settings,
        application.jobs("survey", _SURVEY_SECONDS),
        start=start.date() if start else None,
        end=end.date() if end else None,
        merge_differing=merge,
    )
    _print_damage(repaired, damage, merge=merge)
    if not damage.affected:
        click.echo("Nothing to repair.")
        return
    if not execute:
        click.echo("Nothing was changed. Add --execute to repair.")
        return
    results = _execute(application, repaired, damage, merge=merge, keep_days=keep_days)
    console.print(date_table(results))
    recomputed = aggregates_of(
        application, repaired, [found.day for found in results if found.result.good], recompute=recompute
    )
    if not all(result.result.good for result in results):
        click.echo("Some dates were not repaired; the same command goes on with what is left.", err=True)
        sys.exit(1)
    if not recomputed:
        sys.exit(1)


def _execute(
    application: Application, repaired: RepairTable, damage: Damage, *, merge: bool, keep_days: int
) -> Sequence[DateResult]:
    settings, clock = application.settings, application.clock
    repairer = application.repairer
    jobs = application.jobs("dedupe", _SURVEY_SECONDS)
    backup = make_backup(repaired.path(settings), settings, jobs, days=keep_days)
    click.echo(f"Backup: {backup.path(settings)}, kept for {keep_days} days")
    click.echo(f"To undo: {backup.undo_command}")
    repairer.prepare(repaired, jobs.deadline)
    days = [found.day for found in damage.affected]
    update_findings(
        "record", repaired, settings, jobs, start=days[0], end=days[-1], merge_differing=merge,
        notes=f"found by dedupe, backup {backup.name}",
    )  # fmt: skip
    return repair_dates(
        days,
        lambda day: repairer.deduplicate(
            repaired, day, backup, Deadline.after(_DATE_SECONDS, clock), merge_differing=merge
        ),
    )


def _print_damage(repaired: RepairTable, damage: Damage, *, merge: bool) -> None:
    click.echo(
        f"{repaired.name}: {damage.total_rows:,} rows, {damage.kept_rows:,} of them to keep, "
        f"{damage.excess_rows:,} excess rows on {len(damage.affected)} dates"
    )
    for day in damage.affected:
        click.echo(
            f"  {day.day}  {day.total_rows:>11,} rows  {day.duplicate_keys:>9,} duplicate keys  "
            f"{day.excess_rows:>9,} excess rows  {day.kept_rows:>9,} kept"
        )
    if damage.differing_keys:
        fate = "the earliest row is kept" if merge else "revisions, which stay: grading takes the newest"
        click.echo(f"{damage.differing_keys:,} keys have rows that differ in more than their time: {fate}. Samples:")
        for sample in damage.differing:
            click.echo(f"  {sample}")
