"""Creates what the service writes to: datasets, tables, fences and their sentinels. Idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from grading.clock import Deadline
from grading.processors import PROCESSORS
from grading.run import SENTINEL, fence_of
from grading.settings import Settings
from grading.statements import Sql, TablePath, fragment, literal, table
from grading.warehouse import Warehouse

AUDIT_TABLES = {"grading_runs": "runs", "grading_duplicate_audit": "audit"}


def create_tables(settings: Settings, warehouse: Warehouse, deadline: Deadline) -> list[str]:
    """Create what is missing, and leave what exists as it is. Returns the tables' names."""
    project, location = settings.google_cloud_project, settings.bigquery_location
    warehouse.ensure_dataset(project, settings.target_dataset, location)
    warehouse.ensure_dataset(
        project, settings.staging_dataset, location, expire_tables_seconds=settings.staging_expiration_seconds
    )
    names = []
    attempt = uuid.uuid4().hex
    for number, (path, statement) in enumerate(table_statements(settings), start=1):
        warehouse.run(statement, job_id=f"grading-init-{attempt}-{number}", deadline=deadline)
        names.append(str(path))
    return list(dict.fromkeys(names))


def table_statements(settings: Settings) -> Iterator[tuple[TablePath, Sql]]:
    """Every statement of `init`, with the table that it is about."""
    for processor in PROCESSORS:
        target = settings.target(processor.name)
        yield target, fragment(f"schema/{processor.name}", target=table(target))
        yield from fence_statements(target)
    for name, placeholder in AUDIT_TABLES.items():
        path = settings.target(name)
        yield path, fragment(f"schema/{name}", **{placeholder: table(path)})


def fence_statements(target: TablePath) -> Iterator[tuple[TablePath, Sql]]:
    """Creates the fence of a target table and seeds its sentinel."""
    fence = fence_of(target)
    yield fence, fragment("schema/fence", fence=table(fence))
    yield fence, fragment("schema/seed_sentinel", fence=table(fence), sentinel=literal(SENTINEL))
