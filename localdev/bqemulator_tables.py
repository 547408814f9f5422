"""Lets bqemulator describe a table as BigQuery does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlglot
from bqemulator.api.routes import tables
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import TimePartitioning
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import exp

# The emulator has one context, which its functions are given: those that describe a table are not.
_CONTEXTS: list[Any] = []
_COUNT = "SELECT COUNT(*) FROM {}"


def describe_tables_as_declared() -> None:
    """Let tables.get tell what BigQuery tells, and the emulator forgets.

    The precision of a column, JSON and GEOGRAPHY, columns added by ALTER TABLE, `PARTITION BY DATE(column)`, options
    that are set to NULL, a new name, and how many rows there are now. `CREATE TABLE IF NOT EXISTS` leaves what is known
    of a table that is there.
    """
    sync: Callable[[str, str, Any], None] = vars(executor)["sync_created_table"]
    vars(executor)["sync_created_table"] = lambda sql, project, context: _synced(sync, sql, project, context)
    to_rest: Callable[[Any], dict[str, Any]] = vars(tables)["_table_to_rest"]
    vars(tables)["_table_to_rest"] = lambda meta: _table_to_rest(to_rest, meta)
    field_to_rest: Callable[[Any], dict[str, Any]] = vars(tables)["_field_to_rest"]
    vars(tables)["_field_to_rest"] = lambda field: _field_to_rest(field_to_rest, field)


def _synced(sync: Callable[[str, str, Any], None], sql: str, project: str, context: Any) -> None:
    _CONTEXTS[:] = [context]
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except sqlglot.errors.ParseError:
        return sync(sql, project, context)
    if isinstance(tree, exp.Alter):
        return _altered(tree, project, context)
    created = tree.this if isinstance(tree, exp.Create) and tree.kind == "TABLE" else None
    if not isinstance(created, exp.Schema):
        return sync(sql, project, context)
    if tree.args.get("exists") and context.catalog.get_table(*_path(created.this, project)) is not None:
        return None
    sync(sql, project, context)
    return _created(tree, created, project, context)


def _table_to_rest(to_rest: Callable[[Any], dict[str, Any]], meta: Any) -> dict[str, Any]:
    body = to_rest(meta)
    if _CONTEXTS and meta.table_type == "TABLE":
        place = (meta.project_id, meta.dataset_id, meta.table_id)
        # On a cursor of its own: requests are answered in several threads, and would read each other's results.
        counting = _CONTEXTS[0].engine.connection.cursor()
        body["numRows"] = str(counting.execute(_COUNT.format(quoted_table_ref(*place))).fetchone()[0])
    if meta.expiration_time is not None:
        body["expirationTime"] = str(int(meta.expiration_time.timestamp() * 1000))
    return body


def _field_to_rest(to_rest: Callable[[Any], dict[str, Any]], field: Any) -> dict[str, Any]:
    body = to_rest(field)
    for name, key in (("precision", "precision"), ("scale", "scale"), ("max_length", "maxLength")):
        if getattr(field, name) is not None:
            body[key] = str(getattr(field, name))
    return body


def _path(node: Any, project: str) -> tuple[str, str, str]:
    catalog, dataset, name = ddl_sync._split_target(node, project)  # noqa: SLF001
    return str(catalog), str(dataset), str(name)


def _created(tree: Any, schema: Any, project: str, context: Any) -> None:
    meta = context.catalog.get_table(*_path(schema.this, project))
    declared = {column.name.lower(): column for column in schema.find_all(exp.ColumnDef)}
    fields = tuple(
        _as_declared(field, declared[field.name.lower()]) if field.name.lower() in declared else field
        for field in meta.schema_.fields
    )
    changed: dict[str, Any] = {"schema_": meta.schema_.model_copy(update={"fields": fields})}
    by = tree.find(exp.PartitionedByProperty)
    known = meta.time_partitioning or TimePartitioning()
    column = by.find(exp.Column) if by is not None and known.field is None else None
    if column is not None and not column.name.startswith("_PARTITION"):
        changed["time_partitioning"] = known.model_copy(update={"field": column.name})
    context.catalog.update_table(meta.model_copy(update=changed))


def _as_declared(field: Any, column: Any) -> Any:
    kind = column.args["kind"]
    name = kind.sql(dialect="bigquery").partition("(")[0]
    numbers = [int(part.name) for part in kind.expressions if isinstance(part, exp.DataTypeParam)]
    if name in ("JSON", "GEOGRAPHY"):
        return field.model_copy(update={"type": name})
    if name in ("NUMERIC", "BIGNUMERIC"):
        precision, scale = (*numbers, None, None)[:2]
        if (precision, scale) == (38, 9):
            precision = scale = None
        return field.model_copy(update={"type": name, "precision": precision, "scale": scale})
    if name == "STRING" and numbers:
        return field.model_copy(update={"max_length": numbers[0]})
    return field


def _altered(tree: Any, project: str, context: Any) -> None:
    place = _path(tree.this, project)
    meta = context.catalog.get_table(*place)
    if meta is None:
        return
    for action in tree.args["actions"]:
        if isinstance(action, exp.AlterRename):
            context.catalog.delete_table(*place)
            context.catalog.create_table(meta.model_copy(update={"table_id": action.this.name.split(".")[-1]}))
            return
        if isinstance(action, exp.AlterSet):
            cleared = {found.this.name for found in action.find_all(exp.Property)}
            if "partition_expiration_days" in cleared and meta.time_partitioning is not None:
                kept = meta.time_partitioning.model_copy(update={"expiration_ms": None})
                meta = meta.model_copy(update={"time_partitioning": kept})
            if "expiration_timestamp" in cleared:
                meta = meta.model_copy(update={"expiration_time": None})
            context.catalog.update_table(meta)
            return
    actual = ddl_sync._introspect_schema(*place, context)  # noqa: SLF001
    before = {field.name.lower(): field for field in meta.schema_.fields}
    added = {column.name.lower(): column for column in tree.find_all(exp.ColumnDef)}
    fields = [
        before.get(field.name.lower()) or _as_declared(field, added[field.name.lower()])
        for field in actual.fields
        if field.name.lower() in before or field.name.lower() in added
    ]
    schema = meta.schema_.model_copy(update={"fields": tuple(fields)})
    context.catalog.update_table(meta.model_copy(update={"schema_": schema}))
