"""Orphaned staging tables: found by name and age, checked row by row, dropped only if nothing would be lost.

A row is consolidated if the main table has its key with a timestamp at least as new. A table of which a single
key is not, or that cannot be checked, stays. Before a drop comes a snapshot, and the table must not have changed
since it was checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from foundation.errors import NotInitialised, StatementRefused
from grading.audit import Audit
from grading.maintenance.backup import Backup, make_backup
from grading.maintenance.repair_tables import FIRST_DAY, LAST_DAY, PREDICTIONS, REPAIR_TABLES, RepairRun, RepairTable
from grading.run import Request
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, TablePath, literal, table

SQL = Folder("grading.maintenance.sql")

# Descriptions that are asked for at once: a dataset may hold thousands of staging tables.
_AT_ONCE = 8
_BATCH = r"^_staging_batch_"


class OrphanVerdict(StrEnum):
    """Whether a staging table is needed any more."""

    CONSOLIDATED = "consolidated"
    NOT_CONSOLIDATED = "not consolidated"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingTable:
    """A staging table as the server describes it, and the table that its rows belong in."""

    path: TablePath
    main: RepairTable
    created_at: datetime
    modified_at: datetime | None
    total_rows: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A staging table, judged; `why` in words. `day` is the first date that it holds."""

    staging: StagingTable
    verdict: OrphanVerdict
    why: str
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingTables:
    """Finds, judges and drops staging tables."""

    settings: Settings
    jobs: Jobs
    audit: Audit

    def find(self, *, older_than: timedelta) -> list[StagingTable]:
        """Every staging table that was last written longer ago than `older_than`."""
        newest = self.jobs.deadline.clock.now() - older_than
        found = [known for dataset in self._datasets() for known in self._list(dataset)]
        return [known for known in found if (known.modified_at or known.created_at) < newest]

    def judge(self, staging: StagingTable) -> Orphan:
        """Compare the staged rows with the main table. What cannot be compared is `UNCHECKED`, with the reason."""
        try:
            return self._judge(staging)
        except (StatementRefused, NotInitialised) as error:
            return Orphan(staging=staging, verdict=OrphanVerdict.UNCHECKED, why=str(error))

    def drop(self, orphan: Orphan, *, keep_days: int) -> Backup | None:
        """Snapshot and drop a consolidated table; None if it was written meanwhile, and stays.

        Raises `ValueError` for a table that is not consolidated.
        """
        if orphan.verdict is not OrphanVerdict.CONSOLIDATED:
            raise ValueError(f"{orphan.staging.path} is {orphan.verdict}: it is never dropped")
        path = orphan.staging.path
        backup = make_backup(path, self.settings, self.jobs, days=keep_days)
        if self._look_at(path) != orphan.staging:
            return None
        self.jobs.warehouse.drop(path)
        self.audit.record_unpublished(self._run(orphan), "staging_dropped", backup.name)
        return backup

    def _judge(self, staging: StagingTable) -> Orphan:
        if not staging.total_rows:
            return Orphan(staging=staging, verdict=OrphanVerdict.CONSOLIDATED, why="empty")
        main = staging.main
        needed = (*main.key, main.processor.written_at)
        names = {column.name for column in self.jobs.warehouse.columns(staging.path)}
        if lacking := [name for name in needed if name not in names]:
            why = f"it has no column {', '.join(lacking)} to compare by"
            return Orphan(staging=staging, verdict=OrphanVerdict.UNCHECKED, why=why)
        found = self._run_sql("staged_range", staging, FIRST_DAY, LAST_DAY)
        if found["staged_rows"] != staging.total_rows:
            why = f"{found['staged_rows']} of {staging.total_rows} rows have a date"
            return Orphan(staging=staging, verdict=OrphanVerdict.UNCHECKED, why=why)
        first, last = found["first_day"], found["last_day"]
        assert isinstance(first, date)
        assert isinstance(last, date)
        missing = self._run_sql("unconsolidated", staging, first, last)["missing_keys"]
        if missing:
            why = f"{missing} keys are not in {main.name}, or only as older rows"
            return Orphan(staging=staging, verdict=OrphanVerdict.NOT_CONSOLIDATED, why=why, day=first)
        why = f"every row is in {main.name}"
        return Orphan(staging=staging, verdict=OrphanVerdict.CONSOLIDATED, why=why, day=first)

    def _run_sql(self, name: str, staging: StagingTable, start: date, end: date) -> Mapping[str, object]:
        needed = (*staging.main.key, staging.main.processor.written_at)
        known = [column for column in self.jobs.warehouse.columns(staging.path) if column.name in needed]
        values = staging.main.values(self.settings, known, merge_differing=True, start=start, end=end)
        return self.jobs.ask(name, SQL.fill(name, **values, staging=table(staging.path))).first

    def _list(self, dataset: str) -> Iterator[StagingTable]:
        project = self.settings.google_cloud_project
        statement = SQL.fill(
            "staging_tables",
            tables=Sql(f"`{project}.{dataset}.INFORMATION_SCHEMA.TABLES`"),
            pattern=literal("|".join(_patterns())),
        )
        paths = [TablePath(project, dataset, row["table_name"]) for row in self.jobs.ask("list", statement).rows]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="staging") as pool:
            yield from filter(None, pool.map(self._look_at, paths))

    def _look_at(self, path: TablePath) -> StagingTable | None:
        """The table as it is now; None if it is gone."""
        found = self.jobs.warehouse.find(path)
        if found is None:
            return None
        return StagingTable(
            path=path,
            main=_main_of(path.table),
            created_at=found.created_at,
            modified_at=found.modified_at,
            total_rows=found.rows,
            total_bytes=found.bytes,
        )

    def _datasets(self) -> Sequence[str]:
        predictions = self.settings.input_table("predictions_table").dataset
        return sorted({self.settings.staging_dataset, self.settings.target_dataset, predictions})

    def _run(self, orphan: Orphan) -> RepairRun:
        main = orphan.staging.main
        request = Request(date=orphan.day or orphan.staging.created_at.date(), trigger_source="staging")
        jobs = self.jobs
        return RepairRun.start(main.processor, request, self.settings, jobs.warehouse, jobs.deadline, repaired=main)


def restore_dropped(backup: Backup, settings: Settings, jobs: Jobs) -> None:
    """Create a dropped table anew from its backup. Raises `StatementRefused` if a table of its name is there."""
    original = TablePath(settings.google_cloud_project, backup.dataset, backup.table)
    if jobs.warehouse.exists(original):
        raise StatementRefused(f"{original} is there: drop or rename it first")
    jobs.copy("restore", backup.path(settings), original, "RESTORE")


def _patterns() -> Mapping[str, RepairTable]:
    """The names that staging tables have, and the table that each is for. See `Run.staging_table`."""
    own = {rf"^{name}_[0-9]{{8}}_[0-9a-f]{{32}}_[0-9]+$": main for name, main in REPAIR_TABLES.items()}
    return {_BATCH: PREDICTIONS, **own}


def _main_of(name: str) -> RepairTable:
    if name.startswith("_staging_batch_"):
        return PREDICTIONS
    return next(main for table_name, main in REPAIR_TABLES.items() if name.startswith(f"{table_name}_"))
