"""Duplicates found outside a run, in the audit table; and closed if they are gone."""

from __future__ import annotations

from datetime import date
from typing import Literal

from grading.maintenance.repair_tables import RepairTable
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, literal

SQL = Folder("grading.maintenance.sql")

_STATEMENTS = {"record": "record_found_duplicates", "resolve": "resolve_gone_duplicates"}


def update_findings(
    action: Literal["record", "resolve"],
    repaired: RepairTable,
    settings: Settings,
    jobs: Jobs,
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
    known = jobs.warehouse.columns(repaired.path(settings))
    values = repaired.values(settings, known, merge_differing=merge_differing, start=start, end=end)
    jobs.ask(action, SQL.fill(_STATEMENTS[action], **values, notes=literal(notes)))
