"""What `init` would do: each table of the service, compared with what the service writes. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum

from grading.processors import PROCESSORS, Processor
from grading.run import fence_of
from grading.settings import Settings
from grading.writing.adapt import Sources, sources_of
from grading.writing.declared import (
    ALWAYS_FILLED,
    RUN_ID_LENGTH,
    Declared,
    decimals_written,
    declared,
    digits_needed,
    is_share,
)
from grading.writing.schema import AUDIT_TABLES
from warehouse.bigquery import Warehouse
from warehouse.columns import NUMBERS, Column, Table
from warehouse.statements import TablePath

_PROVENANCE = ("run_id", "fence_token")
_NUMERIC_DIGITS = 29


class Action(StrEnum):
    """What becomes of a table or a column."""

    CREATE = "create"
    ADD_COLUMN = "add column"
    UNCHANGED = "unchanged"
    WARNED = "warned"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the plan: what is done with a table, or with a column of it, and why in words."""

    table: str
    action: Action
    column: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """A table of the service: as it is (None if it is not there), and what is to be done.

    `adopted` says that the service has written it before: then its columns may be added beside other writers.
    """

    name: str
    path: TablePath
    existing: Table | None
    findings: Sequence[Finding]
    add: Sequence[Column] = field(default=())
    adopted: bool = True

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that it will have."""
        return (*self.existing.columns, *self.add) if self.existing else declared(self.name).columns


def plan_tables(settings: Settings, warehouse: Warehouse) -> list[TablePlan]:
    """The plan for every table of the service. Raises what `Warehouse.describe` raises."""
    predictions = warehouse.find(settings.input_table("predictions_table"))
    plans = []
    for processor in PROCESSORS:
        path = settings.target(processor.name)
        existing = warehouse.find(path)
        sources = sources_of(processor, existing, predictions, settings) if existing else None
        plans.append(_plan(processor.name, path, existing, processor, sources, predictions))
        fence = fence_of(path)
        plans.append(_plan("fence", fence, warehouse.find(fence)))
    for name in AUDIT_TABLES:
        path = settings.target(name)
        plans.append(_plan(name, path, warehouse.find(path)))
    return plans


def _plan(
    name: str,
    path: TablePath,
    existing: Table | None,
    processor: Processor | None = None,
    sources: Sources | None = None,
    predictions: Table | None = None,
) -> TablePlan:
    label = f"{path.dataset}.{path.table}"
    if existing is None:
        return TablePlan(name=name, path=path, existing=None, findings=[Finding(label, Action.CREATE)])
    own = declared(name)
    ways_out = _ways_out(path, processor.name if processor else "")
    findings = list(_partition(label, existing, own, ways_out) if processor else ())
    add = []
    for column in own.columns:
        found = existing.column(column.name)
        if found:
            findings += _column(label, column, found, ways_out, is_key=_is_key(processor, column.name))
        elif column.required:
            why = f"the table lacks it, and a REQUIRED column cannot be added. {ways_out}"
            if column.name != own.partition:
                findings.append(Finding(label, Action.REFUSED, column.name, why))
        else:
            add.append(column)
            findings.append(Finding(label, Action.ADD_COLUMN, column.name, str(column.type)))
    if sources:
        findings += _further(label, existing, sources, predictions)
    findings += _expiration(label, existing)
    adopted = processor is None or all(existing.column(name) for name in _PROVENANCE)
    return TablePlan(
        name=name,
        path=path,
        existing=existing,
        findings=findings or [Finding(label, Action.UNCHANGED)],
        add=add,
        adopted=adopted,
    )


def _is_key(processor: Processor | None, name: str) -> bool:
    return processor is not None and name in processor.business_key


def _ways_out(path: TablePath, name: str) -> str:
    """How to keep their table and have ours: theirs renamed, or ours under another name."""
    renamed = f"bq query --use_legacy_sql=false 'ALTER TABLE `{path}` RENAME TO `{path.table}_before`'"
    setting = f"{name}_table"
    if any(known.name == setting for known in fields(Settings)):
        other = f"name another table for the service: {setting.upper()}={path.table}_graded"
    else:
        other = "name another dataset for the service: TARGET_DATASET"
    return f"Rename the existing table: {renamed} - or {other}"


def _partition(label: str, existing: Table, own: Declared, ways_out: str) -> Iterator[Finding]:
    if existing.partition == own.partition and own.partition:
        if existing.partition_type not in ("", "DAY"):
            why = f"the table is partitioned by {existing.partition_type}: replacing a date reads more than the date"
            yield Finding(label, Action.WARNED, own.partition, why)
        return
    by = existing.partition or existing.ranged_by
    found = f"the table is partitioned by {by}" if by else "the table is not partitioned"
    why = f"{found}, and the service replaces it by {own.partition}. {ways_out}"
    yield Finding(label, Action.REFUSED, own.partition or "", why)


def _column(label: str, own: Column, found: Column, ways_out: str, *, is_key: bool) -> Iterator[Finding]:
    """Whether a column holds what the service writes."""
    if problem := _cannot_hold(own, found, is_key=is_key):
        yield Finding(label, Action.REFUSED, own.name, f"{problem}. {ways_out}")
        return
    if found.required and not own.required and own.name not in ALWAYS_FILLED and not _counted(own):
        relax = f"ALTER TABLE `{label}` ALTER COLUMN {own.name} DROP NOT NULL"
        why = f"it is REQUIRED, and the service leaves it NULL at times. Relax it: {relax} - or: {ways_out}"
        yield Finding(label, Action.REFUSED, own.name, why)
    elif rounding := _rounds(own, found):
        yield Finding(label, Action.WARNED, own.name, rounding)


def _counted(own: Column) -> bool:
    """Counts are never NULL."""
    return own.base == "INT64" and own.name.endswith("_count")


def _cannot_hold(own: Column, found: Column, *, is_key: bool) -> str:
    if found.repeated or found.fields or not (found.base == own.base or {found.base, own.base} <= NUMBERS):
        return f"it is {found.type}, and the service writes {own.base}"
    if own.base in NUMBERS and found.base in NUMBERS:
        decimals = found.decimals
        if found.precision is not None and own.precision is None:
            room = found.precision - (found.scale or 0)
            needed = digits_needed(own.name) if own.base != "INT64" else _integer_digits(own.name)
            if room < needed:
                return f"{found.type} has room for {room} digits before the point, and the values have up to {needed}"
        if own.base != "INT64" and decimals == 0 and is_share(own.name):
            return f"{found.type} keeps no digit after the point, and the values are shares from 0 to 1"
        if own.base != "INT64" and decimals == 0 and is_key:
            return f"{found.type} keeps no digit after the point: two lines would become one business key"
    if own.name == "run_id" and found.max_length is not None and found.max_length < RUN_ID_LENGTH:
        return f"{found.type} is too short for run ids of {RUN_ID_LENGTH} characters"
    return ""


def _integer_digits(name: str) -> int:
    return 13 if name == "fence_token" else 2 if name == "confidence_decile" else 3


def _rounds(own: Column, found: Column) -> str:
    if own.base in ("NUMERIC", "BIGNUMERIC"):
        if found.base == "FLOAT64":
            return "FLOAT64 holds the values approximately"
        decimals = found.decimals
        needed = decimals_written(own.name)
        if decimals is not None and decimals < needed:
            return f"{found.type} rounds the values to {decimals} digit{'' if decimals == 1 else 's'} after the point"
    if found.base == "STRING" and found.max_length is not None:
        return f"{found.type}: a longer value fails the write"
    return ""


def _further(label: str, existing: Table, sources: Sources, predictions: Table | None) -> Iterator[Finding]:
    """The columns that the service does not compute: where their values come from."""
    for name, source in sources.predicted.items():
        target = existing.by_name[name.lower()]
        found = predictions.column(source) if predictions else None
        if found and not _castable(found, target):
            why = f"COLUMN_MAP fills it by {source}, which is {found.type}: it is {target.type}"
            yield Finding(label, Action.REFUSED, name, why)
        elif target.required and not (found and found.required):
            yield Finding(label, Action.REFUSED, name, _required(label, name, f"{source} may be NULL"))
    for column in sources.carried:
        if column.required:
            yield Finding(label, Action.REFUSED, column.name, _required(label, column.name, "it has no source"))
    kept = [column.name for column in sources.carried if not column.required]
    if kept:
        why = f"no source: {', '.join(kept)} keep the values of the rows that are replaced, and are NULL in new rows"
        yield Finding(label, Action.WARNED, "", f"{why}. To fill one from the predictions: COLUMN_MAP")


def _required(label: str, name: str, because: str) -> str:
    relax = f"ALTER TABLE `{label}` ALTER COLUMN {name} DROP NOT NULL"
    return f"it is REQUIRED, and {because}. Name its source in COLUMN_MAP, or relax it: {relax}"


def _castable(found: Column, target: Column) -> bool:
    if found.repeated or target.repeated or found.fields or target.fields:
        return found.type == target.type
    return found.base == target.base or {found.base, target.base} <= NUMBERS


def _expiration(label: str, existing: Table) -> Iterator[Finding]:
    if existing.partitions_expire_after is not None:
        days = existing.partitions_expire_after.days
        keep = f"ALTER TABLE `{label}` SET OPTIONS (partition_expiration_days = NULL)"
        why = f"its partitions are deleted after {days} days: older dates are refused. To keep them: {keep}"
        yield Finding(label, Action.WARNED, "", why)
    if existing.expires_at is not None:
        keep = f"ALTER TABLE `{label}` SET OPTIONS (expiration_timestamp = NULL)"
        why = f"the table is deleted at {existing.expires_at:%Y-%m-%d %H:%M} UTC. To keep it: {keep}"
        yield Finding(label, Action.WARNED, "", why)
