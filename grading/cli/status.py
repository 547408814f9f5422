"""`python -m grading status`."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from grading.cli.console import ConsoleSink, make_console, table_of
from grading.cli.progress import STYLES
from grading.history import RunHistory, RunRecord
from grading.outcome import Status
from grading.wiring import application_for_terminal

_READ_SECONDS = 120.0
_DEFAULT_LAST = 20


@click.command()
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The runs of this date.")
@click.option(
    "--last", "count", type=click.IntRange(1, 1000), help=f"The last N runs of any date; {_DEFAULT_LAST} by default."
)
def status(day: datetime | None, count: int | None) -> None:
    """Show the last runs, or those of a date.

    Who wrote what, when and why, how long it waited for its lock, and how it ended; newest first, from the table
    grading_runs. Times are in the configured time zone.
    """
    if day and count:
        raise click.UsageError("--date and --last exclude each other: a date is shown whole")
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    history = RunHistory(application.settings, application.jobs("status", _READ_SECONDS))
    records = history.of_date(day.date()) if day else history.last(count or _DEFAULT_LAST)
    if not records:
        console.print(f"No run of {day.date()} is recorded." if day else "No run is recorded yet.")
        return
    columns = (
        "Date", "Processor", "Status", "Rows", "Was", "Duplicates", "Lock wait", "Started", "Took", "Trigger", "Run",
    )  # fmt: skip
    table = table_of("", columns, numbers=("Rows", "Was", "Duplicates", "Lock wait", "Took"))
    zone = ZoneInfo(application.settings.time_zone)
    for record in records:
        table.add_row(*_cells(record, zone))
    console.print(table)
    for record in records:
        if record.detail and not record.committed_at:
            console.print(f"{record.run_id[:8]}: {record.detail}", markup=False, soft_wrap=True)


def _cells(record: RunRecord, zone: ZoneInfo) -> tuple[str, ...]:
    ended = record.status or ""
    style = STYLES[Status(ended)] if ended in set(Status) else ""
    wait = f"{record.lock_wait_ms or 0:,} ms" + ("" if record.locked else " (no lock)")
    took = ""
    if record.committed_at and record.started_at:
        took = f"{(record.committed_at - record.started_at).total_seconds():.1f} s"
    return (
        record.game_date.isoformat(),
        record.processor,
        f"[{style}]{ended}[/]" if style else ended,
        f"{record.rows_inserted or 0:,}",
        f"{record.rows_deleted or 0:,}",
        f"{record.duplicate_keys or 0:,}",
        wait,
        f"{record.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if record.started_at else "",
        took,
        " ".join(filter(None, (record.trigger_source, record.event_id))),
        record.run_id[:8],
    )
