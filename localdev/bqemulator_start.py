"""Starts bqemulator as this project needs it: `python -m localdev.bqemulator_start start …`, with its own options.

It answers as it always does, but sooner: it is written in Python, and takes longer to read a small statement than to
run it. DuckDB takes its spatial extension from a package, since the emulator would download it otherwise. And it
describes a table as BigQuery does.
"""

from __future__ import annotations

import copy
import functools
import gc
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlglot
from bqemulator.api import app as api
from bqemulator.api.routes import jobs, tables
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import TimePartitioning
from bqemulator.cli import main
from bqemulator.domain.events import TableDataChanged
from bqemulator.jobs import executor
from bqemulator.sql import inner_query
from bqemulator.sql.rules import TranslationRule
from bqemulator.sql.rules.string_helpers import UpperUnicodeRule
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.versioning.snapshots import SnapshotManager
from duckdb_extensions import import_extension
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.expressions import core

from localdev.bqemulator_shapes import kept_in, read_each_script_once, translate_each_shape_once
from localdev.bqemulator_transactions import let_duckdb_roll_back

_REMEMBERED_STATEMENTS = 256
# The emulator has one context, which its functions are given: those that describe a table are not.
_CONTEXTS: list[Any] = []
_TABLE = re.compile(r"`([\w-]+)\.(\w+)\.(\w+)`")
# A test's own dataset, a run, and when it started.
_OF_A_TEST = re.compile(r"(?<=[a-z])_[0-9a-f]{10}(?=\.|$)|[0-9a-f]{32}|(?<=TIMESTAMP ')[^']*(?=')")
_COUNT = "SELECT COUNT(*) FROM {}"
# Modules that ask what kind of statement it is, or which tables it reads, and change no tree.
_LOOK_ONLY = (
    "bqemulator.catalog.ddl_sync",
    "bqemulator.jobs.ddl_result",
    "bqemulator.jobs.executor",
    "bqemulator.jobs.routine_ddl",
    "bqemulator.sql.catalog_schema",
    "bqemulator.sql.rewriter.row_access_filter",  # see parse_each_text_once
    __name__,
)
# Modules of the emulator that write a tree as text as the last thing that they do with it.
_WRITE_ONCE = ("bqemulator.sql.table_rewriter", "bqemulator.sql.translator")


def parse_each_text_once() -> None:
    """Let sqlglot answer with a copy of the tree where it has parsed the same text with the same options before.

    The emulator parses each statement some twenty times. Besides, the compiled sqlglot parses the templates of its
    DuckDB generator anew for each statement (not compiled, they are attributes of the class, parsed on import): these
    are constants, and shared.
    """
    parse: Callable[..., sqlglot.Expr] = sqlglot.parse_one
    tree_of = functools.lru_cache(maxsize=_REMEMBERED_STATEMENTS)(parse)
    templates: dict[str, sqlglot.Expr] = {}

    def parse_template(sql: str, *arguments: Any, **options: Any) -> sqlglot.Expr:
        return templates.setdefault(sql, parse(sql, *arguments, **options))

    def parse_one(sql: str, *arguments: Any, **options: Any) -> sqlglot.Expr:
        if sql in templates:
            return templates[sql]
        try:
            tree = tree_of(sql, *arguments, **options)
            caller = sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 - there is no other way to know
            return tree if caller in _LOOK_ONLY else tree.copy()
        except TypeError:  # options that cannot be remembered
            return parse(sql, *arguments, **options)

    restrict: Callable[..., str] = vars(inner_query)["rewrite_for_row_access"]

    def restrict_rows(sql: str, **context: Any) -> str:
        answer = None
        try:
            answer = restrict(sql, **context)
            return answer
        finally:
            if answer is not sql:  # views and policies change the tree: it is no longer that of the text
                tree_of.cache_clear()

    sqlglot.parse_one = parse_template  # type: ignore[assignment]
    DuckDB().generator()
    sqlglot.parse_one = parse_one  # type: ignore[assignment]
    vars(inner_query)["rewrite_for_row_access"] = restrict_rows


def ask_only_rules_that_may_apply() -> None:
    """Let the emulator ask its rules of translation only about the kinds of nodes that they are for.

    It asks each of them about each node. Most rules look at the kind and say no: which of them do is found out once
    for each kind, with a node that has nothing but its kind.
    """
    apply: Callable[..., bool] = SQLTranslator._apply_first_matching_rule  # noqa: SLF001 - there is no public way
    having_rules_for: dict[type, SimpleNamespace] = {}

    def apply_first_matching_rule(translator: SQLTranslator, node: sqlglot.Expr, tree: sqlglot.Expr) -> bool:
        kind = type(node)
        if kind not in having_rules_for:
            rules = [rule for rule in translator._rules if may_apply(rule, kind)]  # noqa: SLF001
            having_rules_for[kind] = SimpleNamespace(_rules=rules)
        return apply(having_rules_for[kind], node, tree)

    SQLTranslator._apply_first_matching_rule = apply_first_matching_rule  # type: ignore[method-assign,assignment]  # noqa: SLF001


def may_apply(rule: TranslationRule, kind: type[sqlglot.Expr]) -> bool:
    """Whether the rule may apply to a node of this kind; false only where it never asks for more than the kind."""
    nothing_but_its_kind = type(kind.__name__, (), {"__class__": property(lambda _self: kind)})
    try:
        return rule.applies_to(nothing_but_its_kind())
    except AttributeError:  # it has asked for more
        return True


def copy_flat_values_flat() -> None:
    """Let a tree's copy take half the time: a node's position and comments hold numbers and strings, nothing deeper."""

    def deepcopy(value: Any) -> Any:
        return value.copy() if type(value) in (dict, list) else copy.deepcopy(value)

    core.deepcopy = deepcopy  # type: ignore[assignment,attr-defined]


def read_comma_joins_as_written() -> None:
    """Let a comma join of `t, t.array` be what it says; the project writes UNNEST.

    To find such joins sqlglot copies each FROM clause at each level of a nested statement.
    """
    BigQuery.Parser.SUPPORTS_IMPLICIT_UNNEST = False


def write_text_from_the_tree_itself() -> None:
    """Let the emulator's last steps write a tree as text without a copy of it: none of them uses the tree again."""

    def generate(dialect: Dialect, expression: Any, copy: bool = True, **options: Any) -> str:
        caller = sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 - there is no other way to know
        return dialect.generator(**options).generate(expression, copy=copy and caller not in _WRITE_ONCE)

    Dialect.generate = generate  # type: ignore[method-assign,assignment]


def put_ascii_into_upper_case_in_duckdb() -> None:
    """Let UPPER leave DuckDB for Python's Unicode rules only for a text that has more than ASCII."""
    in_python: Callable[..., Any] = UpperUnicodeRule.rewrite

    def rewrite(rule: UpperUnicodeRule, node: Any) -> Any:
        text = node.this
        if text is None:
            return node
        is_ascii = exp.EQ(
            this=exp.Anonymous(this="strlen", expressions=[text.copy()]), expression=exp.Length(this=text.copy())
        )
        upper = exp.Anonymous(this="upper", expressions=[text.copy()])
        return exp.Case(ifs=[exp.If(this=is_ascii, true=upper)], default=in_python(rule, node))

    UpperUnicodeRule.rewrite = rewrite  # type: ignore[method-assign,assignment]


def copy_only_what_can_be_read() -> None:
    """Let no statement copy the table that it changes if no time is kept for which the copy could be read."""
    record: Callable[..., Any] = SnapshotManager.record_change

    def record_change(snapshots: Any, project_id: str, dataset_id: str, table_id: str) -> Any:
        if snapshots._retention_days > 0:  # noqa: SLF001
            return record(snapshots, project_id, dataset_id, table_id)
        return snapshots._events.publish(TableDataChanged(project_id, dataset_id, table_id))  # noqa: SLF001

    SnapshotManager.record_change = record_change  # type: ignore[method-assign,assignment]


def keep_no_account_of_requests() -> None:
    """Let a request reach the emulator directly: nobody here reads its metrics, access log and correlation ids.

    Each of them has a task and a stream of its own for each request: a fifth of the time that small statements take.
    """
    for name in ("MetricsMiddleware", "AccessLogMiddleware", "CorrelationIdMiddleware"):
        vars(api)[name] = lambda app, **_options: app


def run_in_threads(count: int) -> None:
    """Let DuckDB run each statement in so many threads: for small tables one costs least."""
    apply: Callable[..., None] = DuckDBEngine._apply_session_pragmas  # noqa: SLF001 - there is no public way

    def apply_session_pragmas(engine: Any) -> None:
        apply(engine)
        engine.connection.execute(f"SET threads = {count}")

    DuckDBEngine._apply_session_pragmas = apply_session_pragmas  # type: ignore[method-assign,assignment]  # noqa: SLF001


def describe_tables_as_declared() -> None:
    """Let tables.get tell what BigQuery tells, and the emulator forgets.

    The precision of a column, JSON and GEOGRAPHY, columns added by ALTER TABLE, `PARTITION BY DATE(column)`, options
    that are set to NULL, a new name, and how many rows there are now. `CREATE TABLE IF NOT EXISTS` leaves what is known
    of a table that is there.
    """
    sync: Callable[[str, str, Any], None] = vars(executor)["sync_created_table"]
    vars(executor)["sync_created_table"] = lambda sql, project, context: _synced(sync, sql, project, context)
    to_rest: Callable[[Any], dict[str, Any]] = vars(tables)["_table_to_rest"]
    vars(tables)["_table_to_rest"] = lambda meta: _table_to_rest(to_rest, meta)
    field_to_rest: Callable[[Any], dict[str, Any]] = vars(tables)["_field_to_rest"]
    vars(tables)["_field_to_rest"] = lambda field: _field_to_rest(field_to_rest, field)


def remember_dry_runs() -> None:
    """Let a dry run answer as before if the tables that the statement names have the columns that they had.

    It costs as much as to run the statement otherwise, and `init` asks about a hundred, each time it is typed. A
    test's own datasets, whose names end in ten digits, are taken for those of another test. Refusals are not kept.
    """
    answer: Callable[..., Any] = vars(jobs)["_dry_run_response"]
    remembered: dict[Any, dict[str, Any]] = {}

    async def answer_once(**given: Any) -> dict[str, Any]:
        key = _dry_run_key(given)
        if key is None or key not in remembered:
            said = await answer(**given)
            if key is None:
                return dict(said)
            remembered[key] = said
        reference = {"projectId": given["project_id"], "jobId": given["job_id"], "location": "US"}
        return {**remembered[key], "jobReference": reference}

    vars(jobs)["_dry_run_response"] = answer_once


def _dry_run_key(given: dict[str, Any]) -> Any:
    """What the answer depends on: the statement, and the columns of its tables. None if that is not known."""
    text = given["bq_sql"]
    if given["wire_shape"] != "insert" or given["query_params"] or "INFORMATION_SCHEMA" in text:
        return None
    known = []
    for project, dataset, name in sorted(set(_TABLE.findall(text))):
        meta = given["ctx"].catalog.get_table(project, dataset, name)
        if meta is None:
            return None
        columns = tuple((field.name, str(field.type), str(field.mode)) for field in meta.schema_.fields)
        known.append((_OF_A_TEST.sub("", dataset), name, columns))
    return (given["project_id"], _OF_A_TEST.sub("", text), tuple(known))


def _synced(sync: Callable[[str, str, Any], None], sql: str, project: str, context: Any) -> None:
    _CONTEXTS[:] = [context]
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except sqlglot.errors.ParseError:
        return sync(sql, project, context)
    if isinstance(tree, exp.Alter):
        return _altered(tree, project, context)
    created = tree.this if isinstance(tree, exp.Create) and tree.kind == "TABLE" else None
    if not isinstance(created, exp.Schema):
        return sync(sql, project, context)
    if tree.args.get("exists") and context.catalog.get_table(*_path(created.this, project)) is not None:
        return None
    sync(sql, project, context)
    return _created(tree, created, project, context)


def _table_to_rest(to_rest: Callable[[Any], dict[str, Any]], meta: Any) -> dict[str, Any]:
    body = to_rest(meta)
    if _CONTEXTS and meta.table_type == "TABLE":
        place = (meta.project_id, meta.dataset_id, meta.table_id)
        # On a cursor of its own: requests are answered in several threads, and would read each other's results.
        counting = _CONTEXTS[0].engine.connection.cursor()
        body["numRows"] = str(counting.execute(_COUNT.format(quoted_table_ref(*place))).fetchone()[0])
    if meta.expiration_time is not None:
        body["expirationTime"] = str(int(meta.expiration_time.timestamp() * 1000))
    return body


def _field_to_rest(to_rest: Callable[[Any], dict[str, Any]], field: Any) -> dict[str, Any]:
    body = to_rest(field)
    for name, key in (("precision", "precision"), ("scale", "scale"), ("max_length", "maxLength")):
        if getattr(field, name) is not None:
            body[key] = str(getattr(field, name))
    return body


def _path(node: Any, project: str) -> tuple[str, str, str]:
    catalog, dataset, name = ddl_sync._split_target(node, project)  # noqa: SLF001
    return str(catalog), str(dataset), str(name)


def _created(tree: Any, schema: Any, project: str, context: Any) -> None:
    meta = context.catalog.get_table(*_path(schema.this, project))
    declared = {column.name.lower(): column for column in schema.find_all(exp.ColumnDef)}
    fields = tuple(
        _as_declared(field, declared[field.name.lower()]) if field.name.lower() in declared else field
        for field in meta.schema_.fields
    )
    changed: dict[str, Any] = {"schema_": meta.schema_.model_copy(update={"fields": fields})}
    by = tree.find(exp.PartitionedByProperty)
    known = meta.time_partitioning or TimePartitioning()
    column = by.find(exp.Column) if by is not None and known.field is None else None
    if column is not None and not column.name.startswith("_PARTITION"):
        changed["time_partitioning"] = known.model_copy(update={"field": column.name})
    context.catalog.update_table(meta.model_copy(update=changed))


def _as_declared(field: Any, column: Any) -> Any:
    kind = column.args["kind"]
    name = kind.sql(dialect="bigquery").partition("(")[0]
    numbers = [int(part.name) for part in kind.expressions if isinstance(part, exp.DataTypeParam)]
    if name in ("JSON", "GEOGRAPHY"):
        return field.model_copy(update={"type": name})
    if name in ("NUMERIC", "BIGNUMERIC"):
        precision, scale = (*numbers, None, None)[:2]
        if (precision, scale) == (38, 9):
            precision = scale = None
        return field.model_copy(update={"type": name, "precision": precision, "scale": scale})
    if name == "STRING" and numbers:
        return field.model_copy(update={"max_length": numbers[0]})
    return field


def _altered(tree: Any, project: str, context: Any) -> None:
    place = _path(tree.this, project)
    meta = context.catalog.get_table(*place)
    if meta is None:
        return
    for action in tree.args["actions"]:
        if isinstance(action, exp.AlterRename):
            context.catalog.delete_table(*place)
            context.catalog.create_table(meta.model_copy(update={"table_id": action.this.name.split(".")[-1]}))
            return
        if isinstance(action, exp.AlterSet):
            cleared = {found.this.name for found in action.find_all(exp.Property)}
            if "partition_expiration_days" in cleared and meta.time_partitioning is not None:
                kept = meta.time_partitioning.model_copy(update={"expiration_ms": None})
                meta = meta.model_copy(update={"time_partitioning": kept})
            if "expiration_timestamp" in cleared:
                meta = meta.model_copy(update={"expiration_time": None})
            context.catalog.update_table(meta)
            return
    actual = ddl_sync._introspect_schema(*place, context)  # noqa: SLF001
    before = {field.name.lower(): field for field in meta.schema_.fields}
    added = {column.name.lower(): column for column in tree.find_all(exp.ColumnDef)}
    fields = [
        before.get(field.name.lower()) or _as_declared(field, added[field.name.lower()])
        for field in actual.fields
        if field.name.lower() in before or field.name.lower() in added
    ]
    schema = meta.schema_.model_copy(update={"fields": tuple(fields)})
    context.catalog.update_table(meta.model_copy(update={"schema_": schema}))


if __name__ == "__main__":
    import_extension("spatial")
    keep_no_account_of_requests()
    if threads := os.environ.get("DUCKDB_THREADS"):
        run_in_threads(int(threads))
    describe_tables_as_declared()
    remember_dry_runs()
    parse_each_text_once()
    ask_only_rules_that_may_apply()
    copy_flat_values_flat()
    read_comma_joins_as_written()
    write_text_from_the_tree_itself()
    put_ascii_into_upper_case_in_duckdb()
    read_each_script_once()
    translate_each_shape_once(kept_in(Path.home() / "shapes"))
    copy_only_what_can_be_read()
    let_duckdb_roll_back()
    # It makes tens of thousands of nodes for each statement: with Python's usual thresholds a fifth of its time goes
    # into collecting garbage. What is imported stays, and need not be looked at.
    gc.set_threshold(100_000, 50, 100)
    gc.freeze()
    main()
