"""`python -m grading staging`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatch

import click

from foundation import figures
from grading.cli.output import Column, Output, fail, with_output
from grading.cli.progress import date_bar
from grading.maintenance.backup import KEPT_DAYS
from grading.maintenance.orphans import Orphan, OrphanVerdict, StagingTables

_SECONDS = 600.0

_ORPHANS: tuple[Column[Orphan], ...] = (
    Column(name="table", heading="Table", value=lambda o: o.staging.path.table),
    Column(name="dataset", heading="Dataset", value=lambda o: o.staging.path.dataset, wide=True),
    Column(
        name="last_written", heading="Last written (UTC)",
        value=lambda o: o.staging.modified_at or o.staging.created_at, wide=True,
    ),
    Column(name="rows", heading="Rows", value=lambda o: o.staging.total_rows, number=True),
    Column(
        name="bytes", heading="Size", value=lambda o: o.staging.total_bytes, show=figures.megabytes, number=True,
        wide=True,
    ),
    Column(name="verdict", heading="Verdict", value=lambda o: o.verdict.value),
    Column(name="why", heading="Why", value=lambda o: o.why),
)  # fmt: skip


@click.command()
@click.option("--older-than", "hours", default=24.0, show_default=True, help="Hours since a table was last written.")
@click.option("--pattern", default="*", show_default=True, help="Only names like this, as in _staging_batch_2026*.")
@click.option("--execute", is_flag=True, help="Drop the consolidated ones. Without this, they are only listed.")
@click.option("--keep-days", default=KEPT_DAYS, show_default=True, type=click.IntRange(1, 365), help="Backup's life.")
@with_output()
def staging(out: Output, hours: float, pattern: str, execute: bool, keep_days: int) -> None:
    """Find orphaned staging tables, and drop those whose rows are all in their main table.

    Looks for `_staging_batch_*` and for tables that the service's own runs left behind. A table with a row that the
    main table lacks is listed and never dropped. Before a drop a backup is made.
    """
    application = out.application
    tables = StagingTables(
        settings=application.settings,
        jobs=application.jobs("staging", _SECONDS),
        audit=application.audit,
    )
    found = [known for known in tables.find(older_than=timedelta(hours=hours)) if fnmatch(known.path.table, pattern)]
    orphans = []
    with date_bar(out.console) as progress:
        task = progress.add_task("comparing tables", total=len(found), now="")
        for known in found:
            orphans.append(tables.judge(known))
            progress.advance(task)
    out.table("tables", _ORPHANS, orphans)
    droppable = [orphan for orphan in orphans if orphan.verdict is OrphanVerdict.CONSOLIDATED]
    size = figures.megabytes(sum(orphan.staging.total_bytes for orphan in droppable))
    out.line(f"{figures.counted(len(orphans), 'staging table')}, {len(droppable)} consolidated ({size})")
    if not execute:
        if droppable:
            out.line("Nothing was changed. Add --execute to drop the consolidated ones, each with a backup.")
        return
    dropped = []
    for orphan in droppable:
        backup = replace(tables, jobs=application.jobs("staging", _SECONDS)).drop(orphan, keep_days=keep_days)
        name = orphan.staging.path.table
        if backup is None:
            out.line(f"{name} was written meanwhile: kept.")
            continue
        dropped.append({"table": name, "backup": backup.name, "undo_command": backup.undo_command})
        out.line(f"{name} was dropped. To undo:")
        out.command(backup.undo_command)
    out.fact("dropped", dropped)
    if len(droppable) < len(orphans):
        out.problem("The others stay: see why above. Consolidate them, or drop them by hand.")
        fail()
