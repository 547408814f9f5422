"""`python -m grading check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.table import Table

from foundation.clock import Deadline
from grading.cli.console import ConsoleSink
from grading.cli.repairs import console
from grading.maintenance.tasks import DEFAULT_DAYS
from grading.wiring import application_for_terminal
from grading.writing.inputs import OPTIONAL, optional_table
from validation.checks import CheckResult, worst

_SECONDS = 600.0
_EXIT_CODES = {"pass": 0, "fail": 1, "warn": 2}
_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@click.option("--days", default=DEFAULT_DAYS, show_default=True, type=click.IntRange(1, 366), help="Dates to look at.")
@click.option("--alert", is_flag=True, help="Send an alert for each check that does not pass.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def check(days: int, alert: bool, form: str) -> None:
    """Run the ten daily quality checks on grades, predictions and box scores.

    Each passes, warns or fails, and says its figure, its threshold and what to type next. Nothing is changed but
    the audit of duplicates. Exit codes: 0 all pass, 2 there are warnings, 1 there are failures.
    """
    application = application_for_terminal(ConsoleSink(console))
    deadline = Deadline.after(_SECONDS, application.clock)
    results = application.upkeep.quality_check(deadline, days=days, alert=alert)
    today = application.settings.local_date(application.clock.now())
    absent = [
        found
        for name in OPTIONAL
        if (found := optional_table(application.settings, name, application.warehouse, today)[0]).why_absent
    ]
    if form == "json":
        click.echo(
            json.dumps(
                {
                    "verdict": worst(results),
                    "checks": [_as_json(result) for result in results],
                    "absent_inputs": [{"name": f.name, "table": f.table, "why": f.why_absent} for f in absent],
                },
                indent=2,
            )
        )
    else:
        _print(results)
        for found in absent:
            click.echo(f"{found.name} is read as empty: {found.table} ({found.why_absent})")
    sys.exit(_EXIT_CODES[worst(results)])


def _print(results: Sequence[CheckResult]) -> None:
    table = Table("", "Check", "Verdict", box=None, pad_edge=False)
    table.add_column("Figure", justify="right")
    table.add_column("Threshold")
    table.add_column("Next")
    for result in results:
        verdict = result.verdict
        table.add_row(
            str(result.check.number),
            result.check.name,
            f"[{_STYLES[verdict]}]{verdict}[/]",
            result.figure_text,
            result.check.threshold,
            "" if verdict == "pass" else result.next_command,
        )
    console.print(table)
    for result in results:
        if result.verdict != "pass":
            console.print(f"{result.check.name}: {result.check.meaning}", highlight=False)
            for sample in result.samples:
                console.print(f"  {sample}", highlight=False, markup=False)


def _as_json(result: CheckResult) -> dict[str, object]:
    return {
        "number": result.check.number,
        "name": result.check.name,
        "meaning": result.check.meaning,
        "verdict": result.verdict,
        "figure": result.figure,
        "figure_text": result.figure_text,
        "threshold": result.check.threshold,
        "next_command": result.next_command,
        "samples": list(result.samples),
    }
