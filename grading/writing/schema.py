"""Creates what the service writes to: datasets, tables, fences and their sentinels. Idempotent."""

from __future__ import annotations

from collections.abc import Iterator

from grading.processors import PROCESSORS
from grading.run import SENTINEL, fence_of
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, TablePath, literal, table

SQL = Folder("grading.sql")

AUDIT_TABLES = {"grading_runs": "runs", "grading_duplicate_audit": "audit"}


def create_tables(settings: Settings, jobs: Jobs) -> list[str]:
    """Create what is missing, and leave what exists as it is. Returns the tables' names."""
    create_datasets(settings, jobs)
    names = []
    for path, statement in table_statements(settings):
        jobs.ask("create", statement)
        names.append(str(path))
    return list(dict.fromkeys(names))


def create_datasets(settings: Settings, jobs: Jobs) -> None:
    """Create the datasets that are missing, and leave those that exist as they are."""
    project, location = settings.google_cloud_project, settings.bigquery_location
    jobs.warehouse.ensure_dataset(project, settings.target_dataset, location)
    jobs.warehouse.ensure_dataset(
        project, settings.staging_dataset, location, expire_tables_seconds=settings.staging_expiration_seconds
    )


def table_statements(settings: Settings) -> Iterator[tuple[TablePath, Sql]]:
    """Every statement of `init`, with the table that it is about."""
    for processor in PROCESSORS:
        target = settings.target(processor.name)
        yield target, SQL.fill(f"schema/create_{processor.name}", target=table(target))
        yield from fence_statements(target)
    for name, placeholder in AUDIT_TABLES.items():
        path = settings.target(name)
        yield path, SQL.fill(f"schema/create_{name}", **{placeholder: table(path)})


def fence_statements(target: TablePath) -> Iterator[tuple[TablePath, Sql]]:
    """Creates the fence of a target table and seeds its sentinel."""
    fence = fence_of(target)
    yield fence, SQL.fill("schema/create_fence", fence=table(fence))
    yield fence, SQL.fill("schema/seed_sentinel", fence=table(fence), sentinel=literal(SENTINEL))
