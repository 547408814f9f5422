"""Whether BigQuery accepts each statement that the service would send on the tables that are there: by dry runs.

Nothing runs and nothing is billed. Statements are asked about one by one, since the dry run of a script stops at its
first DDL or DML; staging, which does not exist yet, is a subquery of typed NULLs
(https://cloud.google.com/bigquery/docs/running-queries#dry-run). A dry run also refuses what the account may not do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from foundation.errors import AccessRefused, Permanent
from grading.audit import resolved_findings, unpublished_runs
from grading.batch import Batch
from grading.maintenance.check_queries import CHECKS, check_statement
from grading.maintenance.repair_tables import REPAIR_TABLES, RepairRun, RepairTable
from grading.maintenance.ungraded import ungraded_statement
from grading.processors import GRADING, PROCESSORS, Processor
from grading.run import Request, Run, fence_of
from grading.settings import Settings
from grading.writing.adapt import holds_values
from grading.writing.input_state import counted
from grading.writing.measuring import lacks_required
from grading.writing.publish_script import AuditNote, publish_script
from grading.writing.rules import compute, rules_between
from grading.writing.schema_plan import TablePlan
from grading.writing.staging import Staged
from validation.checks import CHECKS as DAILY
from validation.quality import Window
from warehouse.bigquery_errors import plain_reason
from warehouse.columns import Column
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, columns, literal, table

GRADING_SQL = Folder("grading.sql")
DATES_SQL = Folder("grading.dates.sql")
REPAIR_SQL = Folder("grading.maintenance.sql")

_AT_ONCE = 3
_CREATE = re.compile(r"^(--.*\n)*CREATE (OR REPLACE )?TABLE \S+ AS\s+")
_CHANGES = re.compile(r"^(--.*\n)*\s*(INSERT|DELETE|UPDATE|MERGE)\b")
_PROVENANCE = ("run_id", "fence_token")
_QUERIES = sorted({check.query for check in DAILY} | {"trend"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, and what it is for, as in "grading: publish"."""

    purpose: str
    sql: Sql


@dataclass(frozen=True, slots=True)
class Refusal:
    """A statement that BigQuery would refuse, and why."""

    purpose: str
    why: str

    def __str__(self) -> str:
        return f"{self.purpose}: {self.why}"


@dataclass(frozen=True, slots=True)
class Preflight:
    """Asks BigQuery about every statement, given the plans of the tables.

    A table that is yet to be created or to get columns is read as typed NULLs; what would change it is left out,
    since the plan has compared its columns.
    """

    settings: Settings
    jobs: Jobs
    plans: Sequence[TablePlan]

    def refusals(self) -> list[Refusal]:
        """What BigQuery would refuse. Raises `Transient` if it does not answer."""
        pending = {str(table(plan.path)): typed_nulls(plan.columns) for plan in self.plans if _is_pending(plan)}
        asked = [_unchanging(statement, pending) for statement in self._asked(pending)]
        sent = {statement.sql.text: statement for statement in asked}.values()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="preflight") as pool:
            return [refusal for refusal in pool.map(self._ask, sent) if refusal]

    def _asked(self, pending: Mapping[str, Sql]) -> Iterator[Statement]:
        for statement in self.statements():
            if not (_CHANGES.match(statement.sql.text) and any(path in statement.sql.text for path in pending)):
                yield statement

    def _ask(self, statement: Statement) -> Refusal | None:
        try:
            self.jobs.warehouse.bytes_scanned(statement.sql)
        except (Permanent, AccessRefused) as error:
            return Refusal(statement.purpose, plain_reason(error))
        return None

    def statements(self) -> Iterator[Statement]:
        """Every statement of grading, checks and repairs, for today."""
        for processor in PROCESSORS:
            yield from self._of_processor(processor)
        for repaired in REPAIR_TABLES.values():
            yield from self._of_repair(repaired)
        yield from self._of_dates()
        yield from self._of_checks()

    def _run(self, processor: Processor) -> Run:
        day = self.settings.local_date(self.jobs.deadline.clock.now())
        return Run.start(processor, Request(date=day), self.settings, self.jobs.warehouse, self.jobs.deadline)

    def _of_processor(self, processor: Processor) -> Iterator[Statement]:
        run, purpose = self._run(processor), f"grading {processor.name}"
        batch = Batch.of(run)
        computed = compute(batch)
        yield Statement(f"{purpose}: compute the rows", computed.select)
        plan = next(plan for plan in self.plans if plan.path == run.target)
        known = [column for column in plan.columns if column.name not in _PROVENANCE]
        staged = Staged(
            table=run.staging_table(),
            token=1,
            columns=[column.name for column in known],
            rules=computed.rules,
            carried=computed.carried,
        )
        place = str(table(staged.table))
        rows = typed_nulls(known)
        values = {**run.values(), **(computed.rules or {}), "staging": table(staged.table), **counted(batch)}
        values["lacks_required"] = lacks_required(batch, staged)
        values |= unpublished_runs([(run, "failed", "")])
        values["resolved"] = resolved_findings(batch, lambda run: run.run_id)
        values["measured"] = GRADING_SQL.fill("measure_staging", **values)
        names = ["measure_staging", "measure_found", "keep_one_per_key", "read_fence", "record_run", "runs_of_date"]
        names += ["published_rows", "record_superseded", "resolve_duplicates"]
        if staged.rules is not None:
            values["coverage"] = GRADING_SQL.fill("coverage", **values)
            names += ["coverage", "measure_graded"]
        for name in names:
            yield Statement(f"{purpose}: {name}", _read_from(rows, place, GRADING_SQL.fill(name, **values)))
        if staged.carried:
            held = GRADING_SQL.fill("lost_values", **{**values, "holds_values": holds_values(staged.carried)})
            yield Statement(f"{purpose}: lost_values", _read_from(rows, place, held))
        for name in ("validate", "duplicate_samples"):
            yield Statement(f"{purpose}: {name}", CHECKS.fill(name, **values))
        for text in publish_script(batch, staged, {run.date: AuditNote(status="success")}).text.split(";\n"):
            sql = _read_from(rows, place, Sql(text.strip().removesuffix(";")))
            if _CHANGES.match(sql.text):
                yield Statement(f"{purpose}: publish", sql)

    def _of_repair(self, repaired: RepairTable) -> Iterator[Statement]:
        path = repaired.path(self.settings)
        found = self.jobs.warehouse.find(path)
        if found is None:
            return
        known, purpose = found.columns, f"repair of {repaired.name}"
        run = RepairRun.start(
            repaired.processor,
            self._run(repaired.processor).request,
            self.settings,
            self.jobs.warehouse,
            self.jobs.deadline,
            repaired=repaired,
        )
        noted = [Column("rows_read", "INT64", required=False), Column("newest_read", "TIMESTAMP", required=False)]
        filled = repaired.values(
            self.settings, known, merge_differing=repaired.merges_differing, start=run.date, end=run.date
        )
        # The table stands for its own backup, which would have its columns.
        values = {**run.values(), **filled, "backup": table(path), "staging": typed_nulls([*known, *noted])}
        values |= {"notes": literal(""), "backup_prefix": literal("backup-")}
        names = ["damage", "differing_keys", "compare", "verify", "deduplicated", "restored", "rows_moved"]
        names += ["record_found_duplicates", "resolve_gone_duplicates", "repaired_dates"]
        for name in names:
            yield Statement(f"{purpose}: {name}", Sql(REPAIR_SQL.fill(name, **values).text.removesuffix(";")))

    def _of_dates(self) -> Iterator[Statement]:
        run = self._run(GRADING)
        first = run.date - timedelta(days=7)
        values = {
            **run.values(),
            **rules_between(self.settings, self.jobs, first, run.date),
            "since": literal(run.started_at),
            "first_key": literal(first.isoformat()),
            "last_key": literal(run.lock_key),
            "prefix": literal("backfill:"),
            "count": literal(20),
        }
        yield Statement("catch-up: dates", DATES_SQL.fill("dates", **values))
        yield Statement("backfill: runs_of_backfill", DATES_SQL.fill("runs_of_backfill", **values))
        yield Statement("backfill: recent_runs", DATES_SQL.fill("recent_runs", **values))
        yield Statement("ungraded: unmatched", REPAIR_SQL.fill("unmatched", **values))
        yield Statement("status: last_runs", GRADING_SQL.fill("last_runs", **values))
        for processor in PROCESSORS:
            fence = table(fence_of(self.settings.target(processor.name)))
            yield Statement("catch-up: published", DATES_SQL.fill("published", **{**values, "fence": fence}))

    def _of_checks(self) -> Iterator[Statement]:
        today = self.settings.local_date(self.jobs.deadline.clock.now())
        window = Window(today, 7)
        yield Statement("ungraded", ungraded_statement(self.settings, self.jobs, window.start, window.end))
        for name in _QUERIES:
            yield Statement(f"check: check_{name}", check_statement(self.settings, self.jobs, window, name))


def typed_nulls(known: Sequence[Column]) -> Sql:
    """A subquery without rows that has these columns in their types."""
    parts = [f"CAST({'[]' if c.repeated else 'NULL'} AS {c.bare_type}) AS {columns([c.name])}" for c in known]
    return REPAIR_SQL.fill("typed_nulls", nulls=Sql(", ".join(parts)))


def _read_from(rows: Sql, place: str, statement: Sql) -> Sql:
    """The statement as a query alone, which reads `rows` in place of a table."""
    return Sql(_CREATE.sub("", statement.text).replace(place, rows.text))


def _is_pending(plan: TablePlan) -> bool:
    return plan.existing is None or bool(plan.add)


def _unchanging(statement: Statement, pending: Mapping[str, Sql]) -> Statement:
    """The statement as a query alone, with typed NULLs in place of tables that are not as they will be."""
    text = _CREATE.sub("", statement.sql.text)
    for path, rows in pending.items():
        text = text.replace(path, rows.text)
    return Statement(statement.purpose, Sql(text))
