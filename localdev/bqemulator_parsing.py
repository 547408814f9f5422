"""Lets bqemulator parse each text once."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import sqlglot
from bqemulator.sql import inner_query
from sqlglot.dialects.duckdb import DuckDB

_REMEMBERED_STATEMENTS = 256
# Modules that ask what kind of statement it is, or which tables it reads, and change no tree.
_LOOK_ONLY = (
    "bqemulator.catalog.ddl_sync",
    "bqemulator.jobs.ddl_result",
    "bqemulator.jobs.executor",
    "bqemulator.jobs.routine_ddl",
    "bqemulator.sql.catalog_schema",
    "bqemulator.sql.rewriter.row_access_filter",  # see parse_each_text_once
    "localdev.bqemulator_tables",
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
