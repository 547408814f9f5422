"""One run: a processor, a date, and an identity that staging tables, job ids and rows carry."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from grading.clock import Deadline
from grading.hold import Hold
from grading.processors import Processor
from grading.settings import Settings
from grading.statements import Sql, TablePath, columns, key_texts, literal, table

SENTINEL = "__sentinel__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Why a date is graded. `published_ms` is when the event was published, None where there was no event."""

    date: date
    trigger_source: str = "manual"
    event_id: str = ""
    published_ms: int | None = None
    allow_shrink: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt of a processor at a date. Nothing that it makes is shared with another run."""

    processor: Processor
    request: Request
    settings: Settings
    deadline: Deadline
    hold: Hold
    started_at: datetime
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

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

    def job_id(self, step: str) -> str:
        """A job id that was never used: BigQuery remembers ids, so each attempt takes the next number."""
        return f"grading-{self.processor.name}-{self.lock_key}-{self.run_id}-{step}-{next(self._numbers)}"

    def staging_table(self) -> TablePath:
        """The path of a staging table that was never used."""
        day = f"{self.date:%Y%m%d}"
        return self.settings.staging(f"{self.processor.name}_{day}_{self.run_id}_{next(self._numbers)}")

    def values(self) -> Mapping[str, Sql]:
        """What the run fills into any of the SQL files."""
        keys = self.processor.business_key
        return {
            "target": table(self.target),
            "fence": table(self.fence),
            "runs": table(self.settings.target("grading_runs")),
            "audit": table(self.settings.target("grading_duplicate_audit")),
            "date": literal(self.date),
            "partition_column": columns([self.processor.partition_column]),
            "business_key": columns(keys),
            "keep_order": columns(self.processor.keep_order),
            "written_at": columns([self.processor.written_at]),
            "key_texts": key_texts(keys, "target"),
            "sentinel": literal(SENTINEL),
            "lock_key": literal(self.lock_key),
            "run_id": literal(self.run_id),
            "event_id": literal(self.request.event_id),
            "processor": literal(self.processor.name),
            "trigger_source": literal(self.request.trigger_source),
            "lock_wait_ms": literal(self.hold.wait_ms),
            "locked": literal(self.hold.locked),
            "started_at": literal(self.started_at),
        }


def fence_of(target: TablePath) -> TablePath:
    """The fence table that stands beside a target table."""
    return target.sibling(f"{target.table}_fence")


def is_own_staging(table_name: str, processor: str) -> bool:
    """Whether a table name is one that `Run.staging_table` gives."""
    return re.fullmatch(rf"{processor}_\d{{8}}_[0-9a-f]{{32}}_\d+", table_name) is not None
