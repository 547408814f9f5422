"""What the set-based designs need before they start: a SELECT of the rows that we publish, and its columns' names."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from foundation.clock import Deadline, SystemClock
from grading.batch import Batch
from grading.processors import GRADING
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.rules import compute
from warehouse.bigquery import Warehouse

_LAST_COLUMN = "AS graded_at"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The SELECT that gives the rows of some dates, and the columns that it gives, in order."""

    days: Sequence[date]
    select: str
    columns: list[str]


def prepare(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> Prepared:
    """Render the SELECT as the service sends it, with the run and the token that our rows carry too.

    Like ours it is another text each time, so that no design gains from the emulator having read it before.
    """
    deadline = Deadline.after(60.0, SystemClock())
    runs = [Run.start(GRADING, Request(date=day), settings, warehouse, deadline) for day in days]
    graded = compute(Batch.of(*runs)).select.text
    if graded.count(_LAST_COLUMN) != 1:
        raise RuntimeError(f"the grading SELECT does not have {_LAST_COLUMN!r} once: where do its columns end?")
    provenance = f"'{uuid.uuid4().hex}' AS run_id, {time.time_ns() // 1_000_000} AS fence_token"
    columns = [column.name for column in warehouse.columns(settings.target(GRADING.name))]
    return Prepared(days, graded.replace(_LAST_COLUMN, f"{_LAST_COLUMN}, {provenance}"), columns)
