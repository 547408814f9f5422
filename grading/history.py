"""What `grading_runs` tells: who wrote what, when, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One row of `grading_runs`. `committed_at` is None for a run that published nothing."""

    run_id: str
    event_id: str | None
    processor: str
    game_date: date
    trigger_source: str | None
    fence_token: int | None
    lock_wait_ms: int | None
    locked: bool | None
    rows_deleted: int | None
    rows_inserted: int | None
    duplicate_keys: int | None
    started_at: datetime | None
    committed_at: datetime | None
    status: str | None
    detail: str | None
    rules_version: str | None = None
    keys_added: int | None = None
    keys_removed: int | None = None
    box_scores_differing: int | None = None
    game_ids_differing: int | None = None
    confidence_out_of_range: int | None = None


@dataclass(frozen=True, slots=True)
class RunHistory:
    """Reads the runs, newest first. Raises what `Warehouse.run` raises."""

    settings: Settings
    jobs: Jobs

    def of_date(self, day: date) -> list[RunRecord]:
        """Every run of a date."""
        return self._read(SQL.fill("runs_of_date", runs=self._runs, date=literal(day)))

    def last(self, count: int) -> list[RunRecord]:
        """The `count` runs that started last, of any date."""
        return self._read(SQL.fill("last_runs", runs=self._runs, count=literal(count)))

    @property
    def _runs(self) -> Sql:
        return table(self.settings.target("grading_runs"))

    def _read(self, statement: Sql) -> list[RunRecord]:
        return [RunRecord(**row) for row in self.jobs.ask("runs", statement).rows]
