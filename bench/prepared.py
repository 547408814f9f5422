"""What the set-based designs need before they start: our grading SELECT, and the names of its columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from grading.clock import Deadline, SystemClock
from grading.hold import Hold
from grading.processors import GRADING
from grading.rows import PROVENANCE
from grading.run import Request, Run
from grading.settings import Settings
from grading.sources import select_of
from grading.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Prepared:
    """The SELECT that grades a date, and the columns that it gives, in order."""

    select: str
    columns: list[str]


def prepare(warehouse: Warehouse, settings: Settings, day: date) -> Prepared:
    """Render the SELECT as the service sends it."""
    clock = SystemClock()
    run = Run(
        processor=GRADING,
        request=Request(date=day),
        settings=settings,
        deadline=Deadline.after(60.0, clock),
        hold=Hold(failure="not requested"),
        started_at=clock.now(),
    )
    columns = [column.name for column in warehouse.columns(run.target) if column.name not in PROVENANCE]
    return Prepared(select_of(run, warehouse).text, columns)
