"""Starts bqemulator as this project needs it: `python -m localdev.bqemulator_start start …`, with its own options.

It answers as it always does, but sooner: it is written in Python, and takes longer to read a small statement than to
run it. DuckDB takes its spatial extension from a package, since the emulator would download it otherwise. The other
modules named `bqemulator_…` change one thing each.
"""

from __future__ import annotations

import copy
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
from bqemulator.api.routes import jobs
from bqemulator.cli import main
from bqemulator.domain.events import TableDataChanged
from bqemulator.sql.rewriter import aggregate_variants
from bqemulator.sql.rules import TranslationRule
from bqemulator.sql.rules.string_helpers import UpperUnicodeRule
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.versioning.snapshots import SnapshotManager
from duckdb_extensions import import_extension
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.dialect import Dialect
from sqlglot.expressions import core

from localdev.bqemulator_memory import forget_deleted_rows_in_pauses
from localdev.bqemulator_parsing import parse_each_text_once
from localdev.bqemulator_rounding import round_short_numbers_in_64_bits
from localdev.bqemulator_shapes import kept_in, read_each_script_once, translate_each_shape_once
from localdev.bqemulator_tables import describe_tables_as_declared
from localdev.bqemulator_transactions import let_duckdb_roll_back

_TABLE = re.compile(r"`([\w-]+)\.(\w+)\.(\w+)`")
# A test's own dataset, a run, and when it started.
_OF_A_TEST = re.compile(r"(?<=[a-z])_[0-9a-f]{10}(?=\.|$)|[0-9a-f]{32}|(?<=TIMESTAMP ')[^']*(?=')")
# Modules of the emulator that write a tree as text as the last thing that they do with it.
_WRITE_ONCE = ("bqemulator.sql.table_rewriter", "bqemulator.sql.translator")


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


def leave_nulls_out_of_joined_texts() -> None:
    """Let STRING_AGG with a LIMIT leave NULLs out before it counts, as BigQuery does."""

    def rewrite(tree: sqlglot.Expr) -> bool:
        limited = [node for node in tree.find_all(exp.GroupConcat) if isinstance(node.this, exp.Limit)]
        for node in limited:
            values, most = node.this.this, node.this.expression
            value = values.this if isinstance(values, exp.Order) else values
            value = value.expressions[0] if isinstance(value, exp.Distinct) else value
            is_there = exp.Where(this=exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
            all_of_them = exp.Filter(this=exp.ArrayAgg(this=values), expression=is_there)
            first = exp.Anonymous(this="ARRAY_SLICE", expressions=[all_of_them, exp.Literal.number(1), most])
            separator = node.args.get("separator") or exp.Literal.string(",")
            node.replace(exp.Anonymous(this="ARRAY_TO_STRING", expressions=[first, separator]))
        return bool(limited)

    vars(aggregate_variants)["_rewrite_string_agg_limit"] = rewrite


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
    round_short_numbers_in_64_bits()
    leave_nulls_out_of_joined_texts()
    read_each_script_once()
    translate_each_shape_once(kept_in(Path.home() / "shapes"))
    copy_only_what_can_be_read()
    let_duckdb_roll_back()
    forget_deleted_rows_in_pauses()
    # It makes tens of thousands of nodes for each statement: with Python's usual thresholds a fifth of its time goes
    # into collecting garbage. What is imported stays, and need not be looked at.
    gc.set_threshold(100_000, 50, 100)
    gc.freeze()
    main()
