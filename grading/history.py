"""What `grading_runs` records: who wrote what, when, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from grading.settings import Settings
from grading.trace import InputState, inputs_of
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("grading.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One row of `grading_runs`. `committed_at` is None for a run that published nothing.

    What was recorded by an earlier version of the code, or stands in a table that lacks a column, is None. Offsets are
    milliseconds from the creation of the staging job, `staging_token`; see `grading.trace`.
    """

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
    lock_holder: str | None = None
    waited_for: str | None = None
    taken_over_from: str | None = None
    lock_requested_ms: int | None = None
    lock_acquired_ms: int | None = None
    staging_token: int | None = None
    staged_ms: int | None = None
    measured_ms: int | None = None
    found_run_id: str | None = None
    found_token: int | None = None
    refused: int | None = None
    inputs: str | None = None
    code_version: str | None = None
    publish_job_id: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> RunRecord:
        """From a row as it was read; columns of which this code knows nothing are left out."""
        return cls(**{name: value for name, value in row.items() if name in _RECORDED})

    @property
    def input_states(self) -> Mapping[str, InputState]:
        """The inputs as the run found them; empty if they were not recorded."""
        return inputs_of(self.inputs)


_RECORDED = frozenset(field.name for field in fields(RunRecord))


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
        return [RunRecord.of(row) for row in self.jobs.ask("runs", statement).rows]
