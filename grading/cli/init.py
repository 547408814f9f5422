"""`python -m grading init`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from foundation import commands
from foundation.errors import NotInitialised, StatementRefused
from grading.cli.output import Column, Output, fail, with_output
from grading.maintenance.adoption import Plan, asked, carry_out, make_plan
from grading.writing.schema_plan import Action, Finding
from warehouse.bigquery_errors import plain_reason

_SECONDS = 600.0
_STYLES = {Action.REFUSED: "bold red", Action.WARNED: "yellow", Action.CREATE: "green", Action.ADD_COLUMN: "green"}


@dataclass(frozen=True, slots=True)
class _Row:
    """What is done with a table, and the columns that it is done to."""

    table: str
    action: Action
    columns: str


_ROWS: tuple[Column[_Row], ...] = (
    Column(name="table", heading="Table", value=lambda row: row.table, whole=True),
    Column(
        name="action",
        heading="Action",
        value=lambda row: row.action.value,
        style=lambda row: _STYLES.get(row.action, ""),
    ),
    Column(name="columns", heading="Columns", value=lambda row: row.columns),
)
_READY: tuple[Column[str], ...] = (Column(name="table", heading="Ready", value=lambda name: name, whole=True),)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be done, and what stands against it.")
@click.option(
    "--writers-stopped",
    is_flag=True,
    help="No other program writes the tables: columns may be added to tables that have rows.",
)
@with_output(warehouse=False)
def init(out: Output, dry_run: bool, writers_stopped: bool) -> None:
    """Create what is missing, fit what exists, and say whether all is ready. Safe to run again.

    Each table of the service that exists is compared with what the service writes, and each input with what it
    reads. Missing columns are added; a column that cannot hold its values is refused. At the end BigQuery is asked,
    by dry runs, about every statement that grading, checks and repairs would send.

    Exit code 1 if anything is refused; nothing is changed then.
    """
    plan = _look(out)
    waits = bool(plan.waiting) and not writers_stopped and not dry_run
    if not waits and (dry_run or not plan.fresh):
        plan = _ask(out, plan)
    _show(out, plan)
    if plan.refused:
        out.problem("Nothing was changed: mend what is refused first.")
        fail()
    if dry_run:
        out.line("Dry run: nothing was changed.")
        return
    if waits:
        for table in plan.waiting:
            rows = table.existing.rows if table.existing else 0
            out.problem(
                f"{table.path} has {rows:,} rows: its columns are added only when no other program writes it. Stop the "
                f"old writers, then: {commands.INIT} --writers-stopped"
            )
        fail()
    done = []
    for line in carry_out(plan, out.application.settings, out.application.jobs("init", _SECONDS)):
        out.line(line)
        done.append(line)
    out.fact("done", done)
    after = plan if plan.complete else _ask(out, _look(out))
    if after.refused:
        for reason in after.refused:
            out.problem(f"refused: {reason}")
        fail()
    out.table("ready", _READY, [str(table.path) for table in after.tables])


def _look(out: Output) -> Plan:
    """The plan. An error that advises `init` would advise what is being done: the advice is left out."""
    try:
        with out.waiting("Comparing tables"):
            return make_plan(out.application.settings, out.application.jobs("init", _SECONDS))
    except (NotInitialised, StatementRefused) as error:
        raise StatementRefused(plain_reason(error)) from error


def _ask(out: Output, plan: Plan) -> Plan:
    with out.waiting("Asking BigQuery about every statement"):
        return asked(plan, out.application.settings, out.application.jobs("init", _SECONDS))


def _show(out: Output, plan: Plan) -> None:
    out.fact(
        "findings",
        [{"table": f.table, "action": f.action.value, "column": f.column or None, "why": f.why} for f in plan.findings],
    )
    out.fact("statements", [{"statement": refusal.purpose, "why": refusal.why} for refusal in plan.refusals])
    out.fact("refused", plan.refused)
    out.table("plan", _ROWS, _rows(plan.findings))
    for finding in plan.findings:
        if finding.action in (Action.WARNED, Action.REFUSED):
            name = f"{finding.table}.{finding.column}" if finding.column else finding.table
            out.line(f"{finding.action}: {name}: {finding.why}")
    for refusal in plan.refusals:
        out.line(f"refused: {refusal}")


def _rows(findings: Sequence[Finding]) -> list[_Row]:
    """One row for each table and action."""
    grouped: dict[tuple[str, Action], list[str]] = {}
    for finding in findings:
        grouped.setdefault((finding.table, finding.action), []).append(finding.column)
    return [_Row(name, action, ", ".join(filter(None, columns))) for (name, action), columns in grouped.items()]
