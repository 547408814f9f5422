"""Duplicates found outside a run, in the audit table; and closed where they are gone."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Literal

from grading.clock import Deadline
from grading.settings import Settings
from grading.statements import fragment, literal
from grading.warehouse import Warehouse
from maintenance.tables import RepairTable


def update_findings(
    action: Literal["record", "resolve"],
    repaired: RepairTable,
    settings: Settings,
    warehouse: Warehouse,
    deadline: Deadline,
    *,
    start: date,
    end: date,
    merge_differing: bool,
    notes: str,
) -> None:
    """Write down what a range of dates holds now.

    `record` adds up to 20 keys of each date with duplicates, unless the same count of that date is open already.
    `resolve` sets resolved_at on the findings of dates that hold no duplicates.
    """
    names = [column.name for column in warehouse.columns(repaired.path(settings))]
    values = repaired.values(settings, names, merge_differing=merge_differing, start=start, end=end)
    statement = fragment(f"maintenance/{action}_duplicates", **values, notes=literal(notes))
    warehouse.run(statement, job_id=f"grading-{action}-{uuid.uuid4().hex}", deadline=deadline)
