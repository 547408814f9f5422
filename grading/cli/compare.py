"""`python -m grading compare`."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click

from foundation.errors import InvalidSettings
from grading.cli.console import ConsoleSink, make_console, table_of
from grading.maintenance.grades_compared import GradesCompared, compare_grades
from grading.processors import BY_NAME, GRADING, PROCESSORS
from grading.run import Request, Run
from grading.wiring import application_for_terminal
from warehouse.statements import TablePath

_SECONDS = 300.0


@click.command()
@click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The date, YYYY-MM-DD.")
@click.option("--with", "other", required=True, help="The other table, dataset.table, such as the old system's.")
@click.option(
    "--processor",
    "name",
    default=GRADING.name,
    show_default=True,
    type=click.Choice([processor.name for processor in PROCESSORS]),
    help="Whose table to compare.",
)
@click.option("--samples", default=20, show_default=True, type=click.IntRange(0, 10_000), help="Keys to show.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def compare(day: datetime, other: str, name: str, samples: int, form: str) -> None:
    """Compare one date with the same date of another table, and show the differences.

    Rows are matched by business key, and compared in the columns that both tables have. Nothing is changed.

    \b
    python -m grading compare --date 2026-01-16 --with nba_predictions.prediction_accuracy

    Exit code 1 if they differ.
    """
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    settings, jobs = application.settings, application.jobs("compare", _SECONDS)
    request = Request(date=day.date(), trigger_source="compare")
    run = Run.start(BY_NAME[name], request, settings, application.warehouse, jobs.deadline)
    found = compare_grades(run, _path(other, settings.google_cloud_project))
    if form == "json":
        _print_json(found)
    else:
        _print(found, samples, f"{run.target}", other, run.lock_key)
    sys.exit(1 if found.differences else 0)


def _path(text: str, project: str) -> TablePath:
    parts = text.split(".")
    if len(parts) == 2:
        parts = [project, *parts]
    if len(parts) != 3:
        raise InvalidSettings(f"--with {text!r}: write dataset.table")
    return TablePath(*parts)


def _print(found: GradesCompared, samples: int, ours: str, other: str, day: str) -> None:
    console = make_console()
    if not found.differences:
        click.echo(f"{day}: {ours} and {other} have the same rows in {len(found.compared)} columns.")
    else:
        for kind, count in found.by_kind.items():
            click.echo(f"{count:,} keys: {kind}")
        for name, count in found.by_column.items():
            click.echo(f"  {name}: {count:,} keys differ")
        table = table_of("", ("Key", "What", "Columns"))
        for difference in found.differences[:samples]:
            table.add_row(difference.key, difference.kind, ", ".join(difference.columns))
        console.print(table)
        if len(found.differences) > samples:
            click.echo(f"and {len(found.differences) - samples:,} more: --samples shows more, --format json all")
    if found.not_compared:
        click.echo(f"Not compared, in one table alone: {', '.join(found.not_compared)}")


def _print_json(found: GradesCompared) -> None:
    click.echo(
        json.dumps(
            {
                "same": not found.differences,
                "by_kind": dict(found.by_kind),
                "by_column": dict(found.by_column),
                "compared": list(found.compared),
                "not_compared": list(found.not_compared),
                "differences": [{"key": d.key, "kind": d.kind, "columns": list(d.columns)} for d in found.differences],
            },
            indent=2,
        )
    )
