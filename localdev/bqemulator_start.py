"""Starts bqemulator as this project needs it: `python bqemulator_start.py start …`, with bqemulator's own options.

It answers as it always does, but sooner: it is written in Python, and takes longer to read a small statement than to
run it. DuckDB takes its spatial extension from a package, since the emulator would download it otherwise.
"""

from __future__ import annotations

import copy
import functools
import gc
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import sqlglot
from bqemulator.cli import main
from bqemulator.sql.rules import TranslationRule
from bqemulator.sql.translator import SQLTranslator
from duckdb_extensions import import_extension
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.expressions import core

_REMEMBERED_STATEMENTS = 256
# Modules of the emulator that ask what kind of statement it is, eleven times for each, and change no tree.
_LOOK_ONLY = (
    "bqemulator.catalog.ddl_sync",
    "bqemulator.jobs.ddl_result",
    "bqemulator.jobs.executor",
    "bqemulator.jobs.routine_ddl",
)


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

    sqlglot.parse_one = parse_template  # type: ignore[assignment]
    DuckDB().generator()
    sqlglot.parse_one = parse_one  # type: ignore[assignment]


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


if __name__ == "__main__":
    import_extension("spatial")
    parse_each_text_once()
    ask_only_rules_that_may_apply()
    copy_flat_values_flat()
    # It makes tens of thousands of nodes for each statement: with Python's usual thresholds a fifth of its time goes
    # into collecting garbage. What is imported stays, and need not be looked at.
    gc.set_threshold(100_000, 50, 100)
    gc.freeze()
    main()
