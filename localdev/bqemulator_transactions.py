"""Lets a transaction of bqemulator be one of DuckDB's.

The emulator copies each table that a transaction changes, and puts the copy back on ROLLBACK. A publish would pay for a
copy of its whole target, which BigQuery does not make. The copies are for scripts that catch an error and keep what was
written before it; the project sends none.

Why it is safe: the emulator runs a script from its first statement to its last without another job in between, on the
one connection that it has.
"""

from __future__ import annotations

from bqemulator.scripting.interpreter import ScriptInterpreter


def let_duckdb_roll_back() -> None:
    """Replace the emulator's copies by DuckDB's BEGIN, COMMIT and ROLLBACK."""
    ScriptInterpreter._handle_txn_statement = _obey  # type: ignore[method-assign,assignment]  # noqa: SLF001
    ScriptInterpreter._snapshot_dml_targets = _copy_nothing  # type: ignore[method-assign,assignment]  # noqa: SLF001
    ScriptInterpreter._drop_txn_snapshots = _commit  # type: ignore[method-assign,assignment]  # noqa: SLF001
    ScriptInterpreter._restore_txn_snapshots = _roll_back  # type: ignore[method-assign,assignment]  # noqa: SLF001


async def _obey(script: ScriptInterpreter, statement: str) -> None:
    if statement == "BEGIN":
        await _begin(script)
    elif statement == "COMMIT":
        await _commit(script)
    else:
        await _roll_back(script)


async def _begin(script: ScriptInterpreter) -> None:
    # BigQuery takes a BEGIN within a transaction for part of it.
    if script._active_txn is None:  # noqa: SLF001
        script._ctx.engine.execute("BEGIN TRANSACTION")  # noqa: SLF001
        script._active_txn = {}  # noqa: SLF001


async def _copy_nothing(_script: ScriptInterpreter, _sql: str) -> None:
    pass


async def _commit(script: ScriptInterpreter) -> None:
    if script._active_txn is not None:  # noqa: SLF001
        script._active_txn = None  # noqa: SLF001
        script._ctx.engine.execute("COMMIT")  # noqa: SLF001


async def _roll_back(script: ScriptInterpreter) -> None:
    if script._active_txn is not None:  # noqa: SLF001
        script._active_txn = None  # noqa: SLF001
        script._ctx.engine.execute("ROLLBACK")  # noqa: SLF001
