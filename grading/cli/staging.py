"""`python -m grading staging`."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatch

import click
from rich.progress import track
from rich.table import Table

from grading.cli.console import ConsoleSink
from grading.cli.repairs import console
from grading.maintenance.backup import KEPT_DAYS
from grading.maintenance.orphans import Orphan, OrphanVerdict, StagingTables
from grading.wiring import application_for_terminal

_SECONDS = 600.0


@click.command()
@click.option("--older-than", "hours", default=24.0, show_default=True, help="Hours since a table was last written.")
@click.option("--pattern", default="*", show_default=True, help="Only names like this, as in _staging_batch_2026*.")
@click.option("--execute", is_flag=True, help="Drop the consolidated ones. Without this, they are only listed.")
@click.option("--keep-days", default=KEPT_DAYS, show_default=True, type=click.IntRange(1, 365), help="Backup's life.")
def staging(hours: float, pattern: str, execute: bool, keep_days: int) -> None:
    """Find orphaned staging tables, and drop those whose rows are all in their main table.

    Looks for `_staging_batch_*` and for tables that the service's own runs left behind. A table with a row that the
    main table lacks is listed and never dropped. Before a drop a backup is made.
    """
    application = application_for_terminal(ConsoleSink(console))
    tables = StagingTables(
        settings=application.settings,
        jobs=application.jobs("staging", _SECONDS),
        audit=application.audit,
    )
    found = [known for known in tables.find(older_than=timedelta(hours=hours)) if fnmatch(known.path.table, pattern)]
    orphans = [tables.judge(known) for known in track(found, "checking", console=console, transient=True)]
    console.print(_listing(orphans))
    droppable = [orphan for orphan in orphans if orphan.verdict is OrphanVerdict.CONSOLIDATED]
    size = sum(orphan.staging.total_bytes for orphan in droppable) / 1e6
    click.echo(f"{len(orphans)} staging tables, {len(droppable)} consolidated ({size:,.1f} MB)")
    if not execute:
        click.echo("Nothing was changed. Add --execute to drop the consolidated ones." if droppable else "")
        return
    for orphan in droppable:
        backup = replace(tables, jobs=application.jobs("staging", _SECONDS)).drop(orphan, keep_days=keep_days)
        path = orphan.staging.path
        click.echo(
            f"dropped {path}; to undo: {backup.undo_command}" if backup else f"{path} was written meanwhile: kept"
        )
    if len(droppable) < len(orphans):
        click.echo("The others stay: see why above. Consolidate them, or drop them by hand.", err=True)
        sys.exit(1)


def _listing(orphans: list[Orphan]) -> Table:
    table = Table("Table", "Last written (UTC)", box=None, pad_edge=False)
    table.add_column("Rows", justify="right")
    table.add_column("MB", justify="right")
    table.add_column("OrphanVerdict")
    for orphan in orphans:
        known = orphan.staging
        table.add_row(
            f"{known.path.dataset}.{known.path.table}",
            f"{known.modified_at or known.created_at:%Y-%m-%d %H:%M}",
            f"{known.total_rows:,}",
            f"{known.total_bytes / 1e6:,.1f}",
            f"{orphan.verdict}: {orphan.why}",
        )
    return table
