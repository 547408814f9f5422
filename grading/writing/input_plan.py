"""The inputs, compared with what grading reads: tables, columns, places. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from foundation.errors import AccessRefused, InvalidSettings, Permanent
from grading.processors import GRADING
from grading.settings import INPUT_SETTINGS, Settings
from grading.writing.declared import declared
from grading.writing.input_columns import INPUT_COLUMNS, Needed
from grading.writing.schema_plan import Action, Finding
from warehouse.bigquery import Warehouse
from warehouse.bigquery_errors import plain_reason
from warehouse.columns import NUMBERS, Column, Table
from warehouse.statements import TablePath

_MOMENTS = frozenset({"TIMESTAMP", "DATETIME"})


def check_location(settings: Settings, warehouse: Warehouse) -> None:
    """Raises `InvalidSettings` if a dataset that exists is elsewhere than `bigquery_location` says."""
    project = settings.google_cloud_project
    datasets = {(project, settings.target_dataset), (project, settings.staging_dataset)}
    for setting in INPUT_COLUMNS:
        if not settings.is_without(setting):
            path = settings.input_table(setting)
            datasets.add((path.project, path.dataset))
    places: dict[str, list[str]] = {}
    for owner, dataset in sorted(datasets):
        try:
            place = warehouse.dataset_location(owner, dataset)
        except (Permanent, AccessRefused):
            continue  # it may not be looked at; the statements that need it are checked one by one
        if place:
            places.setdefault(place, []).append(dataset)
    wanted = settings.bigquery_location
    if not any(place.lower() != wanted.lower() for place in places):
        return
    found = "; ".join(f"{', '.join(names)} in {place}" for place, names in places.items())
    if len({place.lower() for place in places}) > 1:
        raise InvalidSettings(
            f"BIGQUERY_LOCATION={wanted}, and the datasets are in several places ({found}): one query reads one place "
            f"only; copy the datasets to one place, or name others"
        )
    place = next(iter(places))
    raise InvalidSettings(f"BIGQUERY_LOCATION={wanted}, and the datasets are in {place} ({found}): set it to {place}")


def check_inputs(settings: Settings, warehouse: Warehouse) -> list[Finding]:
    """What is wrong with the tables that grading reads; nothing if all is as it should be."""
    findings: list[Finding] = []
    for setting in INPUT_COLUMNS:
        if not settings.is_without(setting):
            action = Action.REFUSED if setting in INPUT_SETTINGS else Action.WARNED
            findings += _table(settings.input_table(setting), setting, warehouse, action)
    findings += _column_map(settings, warehouse)
    return findings


def _table(path: TablePath, setting: str, warehouse: Warehouse, action: Action) -> Iterator[Finding]:
    label = f"{path.dataset}.{path.table}"
    optional = action is Action.WARNED
    without = f": it is read as empty; {setting.upper()}=none says that this is meant" if optional else ""
    try:
        found = warehouse.find(path)
    except Permanent as error:
        yield Finding(label, action, "", f"it cannot be read ({plain_reason(error)}){without}")
        return
    if found is None:
        remedy = without or f": create it, or name the right one in {setting.upper()}"
        yield Finding(label, action, "", f"there is no table {path}{remedy}")
        return
    for name, needed in INPUT_COLUMNS[setting].items():
        column = found.column(name)
        if column is None:
            why = f"the table lacks it: needed for {needed.purpose}{without}"
            yield Finding(label, action, name, why)
        elif not _fits(column, needed):
            why = f"it is {column.type}, and grading reads {needed.type}: needed for {needed.purpose}{without}"
            yield Finding(label, action, name, why)


def _fits(column: Column, needed: Needed) -> bool:
    if column.repeated or column.fields:
        return False
    alike = ({column.base, needed.type} <= NUMBERS) or ({column.base, needed.type} <= _MOMENTS)
    return column.base == needed.type or alike


def _column_map(settings: Settings, warehouse: Warehouse) -> Iterator[Finding]:
    """Names in `column_map` that are no columns."""
    target: Table | None = warehouse.find(settings.target(GRADING.name))
    predictions: Table | None = warehouse.find(settings.input_table("predictions_table"))
    own = {name.lower() for name in declared(GRADING.name).names}
    for name, source in settings.mapped_columns.items():
        label = f"{settings.target_dataset}.{settings.target(GRADING.name).table}"
        if name in own:
            yield Finding(label, Action.REFUSED, name, f"COLUMN_MAP: {name} is computed by the service; leave it out")
        elif target is None or target.column(name) is None:
            yield Finding(label, Action.REFUSED, name, f"COLUMN_MAP: the table has no column {name}")
        elif predictions is not None and predictions.column(source) is None:
            yield Finding(label, Action.REFUSED, name, f"COLUMN_MAP: the predictions have no column {source}")
