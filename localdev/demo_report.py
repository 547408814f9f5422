"""The report of what the demo has just done: our runs, and beside them the naive pair's accident."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from foundation.clock import Deadline, SystemClock
from grading.history import RunRecord
from grading.report.data import Cell, read_report
from grading.report.page import render
from grading.settings import Settings
from localdev.graded import GradedRow, summarise
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs

REPORT = Path(__file__).resolve().parents[1] / ".local" / "demo-report.html"

_DAYS = 30
_READ_SECONDS = 120.0
_NAIVE = "naive DELETE, then load (another table)"


def write_report(
    warehouse: Warehouse,
    settings: Settings,
    day: date,
    naive: Sequence[GradedRow],
    naive_span: tuple[datetime, datetime],
) -> Path:
    """Write the page of the last 30 dates with the naive pair as a processor of its own, and return where it is.

    Args:
        warehouse: the stack's.
        settings: the stack's.
        day: the date that was graded.
        naive: what the naive pair left in its table.
        naive_span: when the pair began and ended.
    """
    jobs = Jobs.of(warehouse, "demo-report", Deadline.after(_READ_SECONDS, SystemClock()))
    data = read_report(settings, jobs, day, _DAYS)
    found = summarise(naive)
    began, ended = naive_span
    cell = Cell(
        game_date=day, processor=_NAIVE, run_count=2, publishes=2, last_status="success", published_status="success",
        published_rows=found.rows, published_ms=None, last_ms=None, longest_wait_ms=0, without_lock=2, takeovers=0,
        waits=0, refused=0, failures=0, duplicate_keys=found.duplicate_keys,
        open_findings=int(found.duplicate_keys > 0),
    )  # fmt: skip
    data = replace(
        data,
        processors=[*data.processors, _NAIVE],
        cells=[*data.cells, cell],
        runs=[*data.runs, *(_naive_run(day, began, ended, len(naive) // 2) for _ in range(2))],
        detailed=sorted({*data.detailed, day}, reverse=True),
    )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(render(data), encoding="utf-8")
    return REPORT


def _naive_run(day: date, began: datetime, ended: datetime, rows: int) -> RunRecord:
    return RunRecord(
        run_id=uuid.uuid4().hex, event_id=None, processor=_NAIVE, game_date=day, trigger_source="naive",
        fence_token=None, lock_wait_ms=0, locked=False, rows_deleted=rows, rows_inserted=rows, duplicate_keys=0,
        started_at=began.astimezone(UTC), committed_at=ended.astimezone(UTC), status="success",
        detail="DELETE, then load, as two jobs; both DELETEs ran before either load",
    )  # fmt: skip
