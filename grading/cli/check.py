"""`python -m grading check`."""

from __future__ import annotations

import click

from foundation import commands
from foundation.clock import Deadline
from grading.cli.output import Column, Output, fail, with_output
from grading.maintenance.tasks import DEFAULT_DAYS
from grading.writing.inputs import absent_inputs
from validation.checks import CheckResult, worst

_SECONDS = 600.0
_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}

_CHECKS: tuple[Column[CheckResult], ...] = (
    Column(name="number", heading="", value=lambda r: r.check.number, number=True),
    Column(name="name", heading="Check", value=lambda r: r.check.name, whole=True),
    Column(name="verdict", heading="Verdict", value=lambda r: r.verdict, style=lambda r: _STYLES[r.verdict]),
    Column(name="figure_text", heading="Figure", value=lambda r: r.figure_text),
    Column(name="threshold", heading="Threshold", value=lambda r: r.check.threshold),
    Column(name="meaning", heading="Meaning", value=lambda r: r.check.meaning, wide=True),
)


@click.command()
@click.option("--days", default=DEFAULT_DAYS, show_default=True, type=click.IntRange(1, 366), help="Dates to look at.")
@click.option("--alert", is_flag=True, help="Send an alert for each check that does not pass.")
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings, too.")
@with_output()
def check(out: Output, days: int, alert: bool, strict: bool) -> None:
    """Run the daily quality checks on grades, predictions and box scores.

    Each passes, warns or fails, and says its figure, its threshold and what to type next. One that cannot be run
    fails, and takes no other along. Nothing is changed but the audit of duplicates.

    Exit code 1 if a check fails; with --strict, if one warns, too.
    """
    application = out.application
    deadline = Deadline.after(_SECONDS, application.clock)
    with out.waiting("Looking at grades, predictions and box scores"):
        results = application.upkeep.quality_check(deadline, days=days, alert=alert)
        today = application.settings.local_date(application.clock.now())
        absent = absent_inputs(application.settings, application.warehouse, today, deadline)
    verdict = worst(results)
    out.fact("verdict", verdict)
    out.table("checks", _CHECKS, results)
    out.fact("checks", [_as_json(result) for result in results])
    out.fact("absent_inputs", [{"name": found.name, "table": found.table, "why": found.why_absent} for found in absent])
    for result in results:
        if result.verdict != "pass":
            out.line()
            out.line(f"{result.check.name}: {result.check.meaning}", _STYLES[result.verdict])
            for sample in result.samples:
                out.line(f"  {sample}")
            out.line(f"{commands.label(result.next_command)}:")
            out.command(result.next_command)
    for found in absent:
        out.line()
        out.line(f"{found.name} is read as empty: {found.table} ({found.why_absent})", "yellow")
    if verdict == "fail" or (strict and verdict == "warn"):
        fail()


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
