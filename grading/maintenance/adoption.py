"""Carries out the plan of `init`, and says whether all is ready.

Order: what could be refused is looked at before anything is changed. A table that has rows is snapshotted before it
gets a column, and it gets one only when other writers are drained: their `INSERT … VALUES` and `SELECT *` would fail
with one more column. Columns that are added are nullable, and come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from foundation import commands
from foundation.errors import GradingError, SelfCheckFailed
from grading.maintenance.backup import KEPT_DAYS, make_backup
from grading.maintenance.preflight import Preflight, Refusal
from grading.settings import Settings
from grading.writing.input_plan import check_inputs, check_location
from grading.writing.schema import create_datasets, create_tables
from grading.writing.schema_plan import Action, Finding, TablePlan, plan_tables
from warehouse.jobs import Jobs
from warehouse.statements import Folder, columns, table

SQL = Folder("grading.maintenance.sql")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `init` would do, and what stands against it."""

    tables: Sequence[TablePlan]
    inputs: Sequence[Finding]
    refusals: Sequence[Refusal]

    @property
    def findings(self) -> list[Finding]:
        """Every line of the plan: the inputs that are not as they should be, then the service's own tables."""
        return [*self.inputs, *(finding for plan in self.tables for finding in plan.findings)]

    @property
    def refused(self) -> list[str]:
        """What must be mended first, a line each."""
        lines = [
            f"{finding.table}{'.' if finding.column else ''}{finding.column}: {finding.why}"
            for finding in self.findings
            if finding.action is Action.REFUSED
        ]
        return lines or [str(refusal) for refusal in self.refusals]

    @property
    def waiting(self) -> list[TablePlan]:
        """The tables that get columns, have rows, and were never written by the service: others may write them."""
        return [plan for plan in self.tables if plan.add and plan.existing and plan.existing.rows and not plan.adopted]

    @property
    def fresh(self) -> bool:
        """Whether there is nothing of the service yet."""
        return all(plan.existing is None for plan in self.tables)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to create or to add."""
        return all(plan.existing and not plan.add for plan in self.tables)


def make_plan(settings: Settings, jobs: Jobs) -> Plan:
    """Look at every table, change nothing. Raises `InvalidSettings` if a dataset is elsewhere, and `Transient`."""
    check_location(settings, jobs.warehouse)
    return Plan(plan_tables(settings, jobs.warehouse), check_inputs(settings, jobs.warehouse), ())


def asked(plan: Plan, settings: Settings, jobs: Jobs) -> Plan:
    """The plan with what BigQuery says to every statement. Raises `Transient` if it does not answer."""
    if plan.refused:
        return plan  # a statement that names what is missing would only say it again
    return replace(plan, refusals=Preflight(settings, jobs, plan.tables).refusals())


def carry_out(plan: Plan, settings: Settings, jobs: Jobs) -> Iterator[str]:
    """Do what the plan says; yields what was done, a line each. The caller has made sure that nothing is refused."""
    create_datasets(settings, jobs)
    for table_plan in plan.tables:
        if table_plan.add:
            yield from _add_columns(table_plan, settings, jobs)
    create_tables(settings, jobs)
    for table_plan in plan.tables:
        if table_plan.existing is None:
            _keep_for_good(table_plan, jobs)
            yield f"created: {table_plan.path}"


def self_check(settings: Settings, jobs: Jobs) -> None:
    """Whether the service could grade now, as the account that asks. Raises `SelfCheckFailed` with the first reason.

    Every reason is one that would fail each event for good.
    """
    try:
        plan = asked(make_plan(settings, jobs), settings, jobs)
    except GradingError as error:
        raise SelfCheckFailed(_one_line(str(error))) from error
    if plan.refused:
        more = f" (and {len(plan.refused) - 1} more: {commands.INIT} --dry-run)" if len(plan.refused) > 1 else ""
        raise SelfCheckFailed(_one_line(plan.refused[0]) + more)
    if not plan.complete:
        left = next(plan_ for plan_ in plan.tables if plan_.existing is None or plan_.add)
        what = f"lacks {', '.join(column.name for column in left.add)}" if left.add else "does not exist"
        raise SelfCheckFailed(f"{left.path} {what}: run `{commands.INIT}`")


def _add_columns(plan: TablePlan, settings: Settings, jobs: Jobs) -> Iterator[str]:
    if plan.existing and plan.existing.rows:
        backup = make_backup(plan.path, settings, jobs, days=KEPT_DAYS)
        yield f"backup of {plan.path}: {backup.path(settings)}, kept for {KEPT_DAYS} days"
    for column in plan.add:
        jobs.ask(
            "add-column",
            SQL.fill("add_column", target=table(plan.path), column=columns([column.name]), type=column.type),
        )
    yield f"added to {plan.path}: {', '.join(column.name for column in plan.add)}"


def _keep_for_good(plan: TablePlan, jobs: Jobs) -> None:
    """A table of ours has no expiration, whatever its dataset gives to new tables."""
    made = jobs.warehouse.describe(plan.path)
    if made.expires_at is not None:
        jobs.ask("keep", SQL.fill("keep_table", target=table(plan.path)))
    if made.partitions_expire_after is not None:
        jobs.ask("keep", SQL.fill("keep_partitions", target=table(plan.path)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
