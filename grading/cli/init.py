"""`python -m grading init`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.table import Table

from foundation.errors import NotInitialised, StatementRefused
from grading.cli.console import ConsoleSink, make_console, waiting_for
from grading.maintenance.adoption import Plan, asked, carry_out, make_plan
from grading.wiring import Application, application_for_terminal
from grading.writing.schema_plan import Action, Finding
from warehouse.bigquery_errors import plain_reason

_SECONDS = 600.0
_STYLES = {Action.REFUSED: "bold red", Action.WARNED: "yellow", Action.CREATE: "green", Action.ADD_COLUMN: "green"}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be done, and what stands against it.")
@click.option(
    "--writers-stopped",
    is_flag=True,
    help="No other program writes the tables: columns may be added to tables that have rows.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def init(dry_run: bool, writers_stopped: bool, form: str) -> None:
    """Create what is missing, fit what exists, and say whether all is ready. Safe to run again.

    Each table of the service that exists is compared with what the service writes, and each input with what it
    reads. Missing columns are added; a column that cannot hold its values is refused. At the end BigQuery is asked,
    by dry runs, about every statement that grading, checks and repairs would send.

    Exit code 1 if anything is refused; nothing is changed then.
    """
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    plan = _look(application)
    waits = bool(plan.waiting) and not writers_stopped and not dry_run
    if not waits and (dry_run or not plan.fresh):
        plan = _ask(application, plan)
    _show(plan, form)
    if plan.refused:
        _say("Nothing was changed: mend what is refused first.", form, error=True)
        sys.exit(1)
    if dry_run:
        _say("Dry run: nothing was changed.", form)
        return
    if waits:
        for table in plan.waiting:
            rows = table.existing.rows if table.existing else 0
            _say(
                f"{table.path} has {rows:,} rows: its columns are added only when no other program writes it. Stop the "
                f"old writers, then: python -m grading init --writers-stopped",
                form,
                error=True,
            )
        sys.exit(1)
    for line in carry_out(plan, application.settings, application.jobs("init", _SECONDS)):
        _say(line, form)
    after = plan if plan.complete else _ask(application, _look(application))
    if after.refused:
        for reason in after.refused:
            _say(f"refused: {reason}", form, error=True)
        sys.exit(1)
    for table in after.tables:
        _say(f"ready: {table.path}", form)


def _look(application: Application) -> Plan:
    """The plan. An error that advises `init` would advise what is being done: the advice is left out."""
    try:
        return make_plan(application.settings, application.jobs("init", _SECONDS))
    except (NotInitialised, StatementRefused) as error:
        raise StatementRefused(plain_reason(error)) from error


def _ask(application: Application, plan: Plan) -> Plan:
    with waiting_for(make_console(), "Asking BigQuery about every statement"):
        return asked(plan, application.settings, application.jobs("init", _SECONDS))


def _show(plan: Plan, form: str) -> None:
    if form == "json":
        findings = [
            {"table": f.table, "action": f.action.value, "column": f.column or None, "why": f.why}
            for f in plan.findings
        ]
        refused = [{"statement": refusal.purpose, "why": refusal.why} for refusal in plan.refusals]
        click.echo(json.dumps({"findings": findings, "statements": refused, "refused": plan.refused}, indent=2))
        return
    console = make_console()
    table = Table("Table", "Action", "Columns", box=None, pad_edge=False)
    for name, action, columns in _rows(plan.findings):
        style = _STYLES.get(action)
        table.add_row(name, f"[{style}]{action}[/]" if style else action.value, columns)
    console.print(table)
    for finding in plan.findings:
        if finding.action in (Action.WARNED, Action.REFUSED):
            where = f"{finding.table}.{finding.column}" if finding.column else finding.table
            click.echo(f"{finding.action}: {where}: {finding.why}")
    for refusal in plan.refusals:
        click.echo(f"refused: {refusal}")


def _rows(findings: Sequence[Finding]) -> list[tuple[str, Action, str]]:
    """One row for each table and action."""
    grouped: dict[tuple[str, Action], list[str]] = {}
    for finding in findings:
        grouped.setdefault((finding.table, finding.action), []).append(finding.column)
    return [(name, action, ", ".join(filter(None, columns))) for (name, action), columns in grouped.items()]


def _say(line: str, form: str, *, error: bool = False) -> None:
    """A line; beside JSON, on the standard error."""
    click.echo(line, err=error or form == "json")
