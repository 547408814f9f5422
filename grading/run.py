"""One run: a processor, a date, and an identity that staging tables, job ids and rows carry."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Self

from foundation.clock import Deadline
from grading.hold import NOT_REQUESTED, Hold
from grading.processors import Processor
from grading.settings import Settings
from grading.trace import Trace, record_values
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs
from warehouse.statements import (
    Sql,
    TablePath,
    columns,
    dates_list,
    key_text,
    key_texts,
    literal,
    on_days,
    table,
    texts_list,
    window_key,
)

SENTINEL = "__sentinel__"

Day = date


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Why a date is graded. `published_ms` is when the event was published, None if there was no event.

    `one_of_many` dates that were asked for are content with what anyone else computes meanwhile.
    """

    date: date
    trigger_source: str = "manual"
    event_id: str = ""
    published_ms: int | None = None
    allow_shrink: bool = False
    one_of_many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt of a processor at a date. Nothing that it makes is shared with another run.

    `jobs` is the run's query session: its job ids and staging tables carry the run id. `trace` is what it notes of
    itself on the way.
    """

    processor: Processor
    request: Request
    settings: Settings
    hold: Hold
    started_at: datetime
    run_id: str
    jobs: Jobs
    trace: Trace

    @classmethod
    def start(
        cls,
        processor: Processor,
        request: Request,
        settings: Settings,
        warehouse: Warehouse,
        deadline: Deadline,
        *,
        hold: Hold = NOT_REQUESTED,
        **further: Any,
    ) -> Self:
        """A new run, with an identity of its own. `further` are the fields that a subclass adds."""
        run_id = uuid.uuid4().hex
        return cls(
            processor=processor,
            request=request,
            settings=settings,
            hold=hold,
            started_at=deadline.clock.now(),
            run_id=run_id,
            jobs=_session(processor, request, run_id, warehouse, deadline),
            trace=Trace(),
            **further,
        )

    def again(self, request: Request | None = None) -> Self:
        """A further run under the same lock, with an identity of its own."""
        run_id, request = uuid.uuid4().hex, request or self.request
        jobs = _session(self.processor, request, run_id, self.jobs.warehouse, self.deadline)
        return replace(self, request=request, run_id=run_id, jobs=jobs, trace=Trace())

    @property
    def deadline(self) -> Deadline:
        return self.jobs.deadline

    @property
    def date(self) -> date:
        return self.request.date

    @property
    def lock_key(self) -> str:
        return self.date.isoformat()

    @property
    def target(self) -> TablePath:
        return self.settings.target(self.processor.name)

    @property
    def fence(self) -> TablePath:
        return fence_of(self.target)

    def staging_table(self) -> TablePath:
        """The path of a staging table that was never used."""
        day = f"{self.date:%Y%m%d}"
        return self.settings.staging(f"{self.processor.name}_{day}_{self.run_id}_{self.jobs.number()}")

    def values_of_dates(self, days: Sequence[Day]) -> Mapping[str, Sql]:
        """What the SQL files that count and write by date are filled with, for dates that are written together.

        The business key has the partition column in it: the rest is unique within a date only.
        """
        keys, key = self.processor.business_key, self.processor.key
        return {
            "target": table(self.target),
            "fence": table(self.fence),
            "runs": table(self.settings.target("grading_runs")),
            "audit": table(self.settings.target("grading_duplicate_audit")),
            "dates": dates_list(days),
            "days": on_days(days),
            "lock_keys": texts_list(day.isoformat() for day in days),
            "partition_column": columns([self.processor.partition_column]),
            "business_key": columns(key),
            "window_key": window_key(key),
            "keep_order": columns(self.processor.keep_order),
            "written_at": columns([self.processor.written_at]),
            "key_texts": key_texts(keys, "target"),
            "key_text": key_text(keys),
            "sentinel": literal(SENTINEL),
            "processor": literal(self.processor.name),
            "rules_version": literal(self.settings.rules_version),
        }

    def identity(self) -> Mapping[str, Sql]:
        """The columns of `grading_runs` that say whose run it is, and how it held its lock."""
        return {
            "run_id": literal(self.run_id),
            "event_id": literal(self.request.event_id),
            "processor": literal(self.processor.name),
            "game_date": literal(self.date),
            "trigger_source": literal(self.request.trigger_source),
            "lock_wait_ms": literal(self.hold.wait_ms),
            "locked": literal(self.hold.locked),
            "started_at": literal(self.started_at),
            "rules_version": literal(self.settings.rules_version),
        }

    def values(self) -> Mapping[str, Sql]:
        """What the run fills into any of the SQL files."""
        return {
            **self.values_of_dates([self.date]),
            "date": literal(self.date),
            "lock_key": literal(self.lock_key),
            **self.identity(),
            **record_values(self.trace.recorded(self.hold, self.settings.code_version)),
        }


def fence_of(target: TablePath) -> TablePath:
    """The fence table that stands beside a target table."""
    return target.sibling(f"{target.table}_fence")


def _session(processor: Processor, request: Request, run_id: str, warehouse: Warehouse, deadline: Deadline) -> Jobs:
    return Jobs(warehouse, f"grading-{processor.name}-{request.date.isoformat()}-{run_id}", deadline)
