"""`python -m grading compare`."""

from __future__ import annotations

from datetime import date

import click

from foundation.errors import InvalidSettings
from foundation.figures import counted
from grading.cli.options import DAY
from grading.cli.output import Column, Output, fail, with_output
from grading.maintenance.grades_compared import Difference, GradesCompared, compare_grades
from grading.processors import BY_NAME, GRADING, PROCESSORS
from grading.run import Request, Run
from warehouse.statements import TablePath

_SECONDS = 300.0
_DIFFERENCES: tuple[Column[Difference], ...] = (
    Column(name="kind", heading="What", value=lambda difference: difference.kind),
    Column(name="columns", heading="Columns", value=lambda difference: ", ".join(difference.columns)),
    Column(name="key", heading="Key", value=lambda difference: difference.values),
)


@click.command()
@click.option("--date", "day", required=True, type=DAY, help="The date.")
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
@with_output()
def compare(out: Output, day: date, other: str, name: str, samples: int) -> None:
    """Compare one date with the same date of another table, and show the differences.

    Rows are matched by business key, and compared in the columns that both tables have. Nothing is changed.

    \b
    python -m grading compare --date 2026-01-16 --with nba_predictions.prediction_accuracy

    Exit code 1 if they differ.
    """
    application = out.application
    settings, jobs = application.settings, application.jobs("compare", _SECONDS)
    request = Request(date=day, trigger_source="compare")
    run = Run.start(BY_NAME[name], request, settings, application.warehouse, jobs.deadline)
    with out.waiting("Comparing in the warehouse"):
        found = compare_grades(run, _path(other, settings.google_cloud_project))
    _show(out, found, samples, f"{run.lock_key}: {run.target} and {other}")
    if found.differences:
        fail()


def _path(text: str, project: str) -> TablePath:
    parts = text.split(".")
    if len(parts) == 2:
        parts = [project, *parts]
    if len(parts) != 3:
        raise InvalidSettings(f"--with {text!r}: write dataset.table")
    return TablePath(*parts)


def _show(out: Output, found: GradesCompared, samples: int, both: str) -> None:
    """The differences as lines and a table; in the JSON all of them."""
    out.fact("same", not found.differences)
    out.fact("by_kind", dict(found.by_kind))
    out.fact("by_column", dict(found.by_column))
    out.fact("compared", list(found.compared))
    out.fact("not_compared", list(found.not_compared))
    if not found.differences:
        out.line(f"{both} have the same rows in {len(found.compared)} columns.")
    for kind, count in found.by_kind.items():
        out.line(f"{counted(count, 'key')}: {kind}")
    for name, count in found.by_column.items():
        out.item("", f"{name}: {counted(count, 'key')}")
    out.table("differences", _DIFFERENCES, found.differences[:samples])
    out.fact("differences", [{"key": d.key, "kind": d.kind, "columns": list(d.columns)} for d in found.differences])
    if len(found.differences) > samples:
        out.line(f"and {len(found.differences) - samples:,} more: --samples shows more, --format json all")
    if found.not_compared:
        out.line(f"Not compared, in one table alone: {', '.join(found.not_compared)}")
