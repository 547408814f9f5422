"""The local BigQuery forgets deleted rows, in pauses alone."""

from __future__ import annotations

import asyncio
from typing import Any

import duckdb
import pytest

from localdev import bqemulator_memory
from localdev.bqemulator_memory import _Memory

ROWS = 200_000


class Engine:
    """DuckDB, as the emulator holds it."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.checkpoints = 0

    def execute(self, sql: str) -> Any:
        self.checkpoints += sql == "CHECKPOINT"
        return self.connection.execute(sql)

    def replace_rows(self) -> None:
        """What a publish of a large date does."""
        for sql in ("BEGIN", "DELETE FROM t", f"INSERT INTO t SELECT i, i FROM range({ROWS}) AS r(i)", "COMMIT"):
            self.execute(sql)

    def row_groups(self) -> int:
        counted = "SELECT COUNT(DISTINCT row_group_id) FROM pragma_storage_info('t')"
        return int(self.execute(counted).fetchone()[0])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(bqemulator_memory, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(bqemulator_memory, "_GROWTH_BYTES", 1_000_000)
    engine = Engine()
    engine.execute("CREATE TABLE t (a BIGINT, b BIGINT)")
    return engine


async def pause() -> None:
    """Until the event loop has done what waits for a pause of no length."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_deleted_rows_are_forgotten_in_a_pause(engine: Engine) -> None:
    async def publishes() -> None:
        memory = _Memory()
        for _ in range(4):
            with memory.in_use_by(engine):  # type: ignore[arg-type]
                engine.replace_rows()
        grown = engine.row_groups()
        await pause()
        assert engine.checkpoints == 1
        assert engine.row_groups() < grown

    asyncio.run(publishes())
    assert engine.execute("SELECT COUNT(*) FROM t").fetchone() == (ROWS,)


def test_it_waits_for_every_job_to_end(engine: Engine) -> None:
    async def publishes() -> None:
        memory = _Memory()
        with memory.in_use_by(engine):  # type: ignore[arg-type]
            with memory.in_use_by(engine):  # type: ignore[arg-type]
                engine.replace_rows()
            await pause()
            assert engine.checkpoints == 0
        await pause()
        assert engine.checkpoints == 1

    asyncio.run(publishes())


def test_without_growth_there_is_nothing_to_forget(engine: Engine) -> None:
    async def small() -> None:
        memory = _Memory()
        for _ in range(2):
            with memory.in_use_by(engine):  # type: ignore[arg-type]
                engine.execute("INSERT INTO t VALUES (1, 1)")
            await pause()

    asyncio.run(small())
    assert engine.checkpoints == 0
