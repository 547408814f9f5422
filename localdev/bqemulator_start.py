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
from typing import Any

import sqlglot
from bqemulator.cli import main
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


def copy_flat_values_flat() -> None:
    """Let a tree's copy take half the time: a node's position and comments hold numbers and strings, nothing deeper."""

    def deepcopy(value: Any) -> Any:
        return value.copy() if type(value) in (dict, list) else copy.deepcopy(value)

    core.deepcopy = deepcopy  # type: ignore[assignment,attr-defined]


if __name__ == "__main__":
    import_extension("spatial")
    parse_each_text_once()
    copy_flat_values_flat()
    # It makes tens of thousands of nodes for each statement: with Python's usual thresholds a fifth of its time goes
    # into collecting garbage. What is imported stays, and need not be looked at.
    gc.set_threshold(20_000, 50, 100)
    gc.freeze()
    main()
