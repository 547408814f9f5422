"""`python -m grading dedupe`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import click

from foundation import commands, figures
from grading.cli.options import DAY
from grading.cli.output import Column, Output, fail, with_output
from grading.cli.repairs import aggregates_of, batch_dates_option, repair_dates
from grading.maintenance.backup import KEPT_DAYS, make_backup
from grading.maintenance.damage import Damage, DateDamage, survey
from grading.maintenance.findings import update_findings
from grading.maintenance.repair_result import DateResult
from grading.maintenance.repair_tables import PREDICTIONS, REPAIR_TABLES, RepairTable

_SURVEY_SECONDS = 600.0

_DAMAGE: tuple[Column[DateDamage], ...] = (
    Column(name="date", heading="Date", value=lambda d: d.day, whole=True),
    Column(name="rows", heading="Rows", value=lambda d: d.total_rows, number=True),
    Column(name="duplicate_keys", heading="Duplicate keys", value=lambda d: d.duplicate_keys, number=True),
    Column(name="excess_rows", heading="Excess rows", value=lambda d: d.excess_rows, number=True),
    Column(name="kept_rows", heading="Kept", value=lambda d: d.kept_rows, number=True),
    Column(name="differing_keys", heading="Differing", value=lambda d: d.differing_keys, number=True, wide=True),
)


@click.command()
@click.option("--table", "name", required=True, type=click.Choice(list(REPAIR_TABLES)), help="The table to repair.")
@click.option("--start", type=DAY, help="The first date; default: the table's first.")
@click.option("--end", type=DAY, help="The last date; default: the table's last.")
@click.option("--execute", is_flag=True, help="Do it. Without this, only what would change is printed.")
@click.option(
    "--merge-differing",
    is_flag=True,
    help=f"In {PREDICTIONS.name}: of revised predictions too, keep the earliest. Default: only copies go.",
)
@click.option("--recompute", is_flag=True, help="After the repair, recompute the aggregates of the repaired dates.")
@batch_dates_option
@click.option("--keep-days", default=KEPT_DAYS, show_default=True, type=click.IntRange(1, 365), help="Backup's life.")
@with_output()
def dedupe(
    out: Output,
    name: str,
    start: date | None,
    end: date | None,
    execute: bool,
    merge_differing: bool,
    recompute: bool,
    batch_dates: int,
    keep_days: int,
) -> None:
    """Remove duplicate rows, keeping the earliest row of each business key.

    Many dates are replaced together, in batches: each under its own lock, in one transaction, so that readers see
    the old rows or the new ones. A date that someone else holds or writes is left out; one that is held is done at
    the end. The table itself is never dropped or renamed. A backup is made first, and the command that brings it back
    is printed.

    \b
    Preview:  python -m grading dedupe --table prediction_accuracy
    Repair:   python -m grading dedupe --table prediction_accuracy --execute
    Undo:     python -m grading undo BACKUP --execute

    Ctrl-C finishes the dates in flight. Killed at any moment, each date is whole; the same command finishes the work.
    """
    application = out.application
    repaired = REPAIR_TABLES[name]
    merge = merge_differing or repaired.merges_differing
    with out.waiting(f"Counting the rows of {name}"):
        damage = survey(
            repaired,
            application.settings,
            application.jobs("survey", _SURVEY_SECONDS),
            start=start,
            end=end,
            merge_differing=merge,
        )
    _show_damage(out, repaired, damage, merge=merge)
    if not damage.affected:
        out.line("Nothing to repair.")
        return
    if not execute:
        out.line("Nothing was changed. To repair, with a backup:")
        out.command(commands.dedupe(name, start, end, merge_differing=merge_differing))
        return
    command = commands.dedupe(name, start, end, merge_differing=merge_differing)
    results, interrupted = _execute(
        out, repaired, damage, merge=merge, batch_dates=batch_dates, keep_days=keep_days, command=command
    )
    good = [found.date for found in results if found.result.good]
    recomputed = aggregates_of(out, repaired, good, recompute=recompute and not interrupted)
    if len(results) < len(damage.affected) or not all(result.result.good for result in results):
        out.problem("Some dates were not repaired; the same command goes on with what is left.")
        fail()
    if not recomputed:
        fail()


def _execute(
    out: Output, repaired: RepairTable, damage: Damage, *, merge: bool, batch_dates: int, keep_days: int, command: str
) -> tuple[Sequence[DateResult], bool]:
    application = out.application
    settings, repairer = application.settings, application.repairer
    jobs = application.jobs("dedupe", _SURVEY_SECONDS)
    backup = make_backup(repaired.path(settings), settings, jobs, days=keep_days)
    out.fact("backup", backup.name)
    out.fact("undo_command", backup.undo_command)
    out.line(f"Backup {backup.short} of {repaired.name} is kept for {figures.counted(keep_days, 'day')}. To undo:")
    out.command(backup.undo_command)
    repairer.prepare(repaired, jobs.deadline)
    days = [found.day for found in damage.affected]
    update_findings(
        "record", repaired, settings, jobs, start=days[0], end=days[-1], merge_differing=merge,
        notes=f"found by dedupe, backup {backup.name}",
    )  # fmt: skip
    return repair_dates(
        out,
        repaired,
        {found.day: found.total_rows for found in damage.affected},
        lambda days, deadline: repairer.deduplicate(repaired, days, backup, deadline, merge_differing=merge),
        batch_dates=batch_dates,
        command=command,
    )


def _show_damage(out: Output, repaired: RepairTable, damage: Damage, *, merge: bool) -> None:
    for name, value in {
        "table": repaired.name, "rows": damage.total_rows, "kept_rows": damage.kept_rows,
        "excess_rows": damage.excess_rows, "differing_keys": damage.differing_keys,
    }.items():  # fmt: skip
        out.fact(name, value)
    out.line(
        f"{repaired.name}: {figures.counted(damage.total_rows, 'row')}, {damage.kept_rows:,} of them to keep, "
        f"{figures.counted(damage.excess_rows, 'excess row')} on {figures.counted(len(damage.affected), 'date')}"
    )
    out.table("damage", _DAMAGE, damage.affected)
    if damage.differing_keys:
        fate = "the earliest row is kept" if merge else "revisions, which stay: grading takes the newest"
        keys = figures.counted(damage.differing_keys, "key has", "keys have")
        out.line(f"{keys} rows that differ in more than their time: {fate}. Samples:")
        for sample in damage.differing:
            out.line(f"  {sample}")
