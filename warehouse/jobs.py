"""The query session: the jobs of one piece of work, named and bounded in one place.

No job id is made anywhere else. BigQuery remembers ids, so each job of a session takes the next number: an id is
never used twice, and an answer that got lost is found again under its id.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from foundation.clock import Deadline
from warehouse.bigquery import Warehouse
from warehouse.columns import Column
from warehouse.job_end import JobResult
from warehouse.statements import Sql, TablePath


class Jobs:
    """The jobs of one piece of work.

    Args:
        warehouse: where they run.
        prefix: how their ids begin; no two sessions share one.
        deadline: when the work must have ended; no job outlives it.
    """

    def __init__(self, warehouse: Warehouse, prefix: str, deadline: Deadline) -> None:
        self.warehouse = warehouse
        self.prefix = prefix
        self.deadline = deadline
        self._numbers = itertools.count(1)

    @classmethod
    def of(cls, warehouse: Warehouse, task: str, deadline: Deadline) -> Jobs:
        """A session of its own for a task, such as `survey`."""
        return cls(warehouse, f"grading-{task}-{uuid.uuid4().hex}", deadline)

    def number(self) -> int:
        """The next number of the session, for a job or for a table that it fills."""
        return next(self._numbers)

    def ask(self, step: str, sql: Sql | Callable[[str], Sql]) -> JobResult:
        """Run a statement or script to its end; one that holds its own job's id is given as a function of it.

        Raises what `Warehouse.run` raises.
        """
        job_id = self._job_id(step)
        return self.warehouse.run(sql if isinstance(sql, Sql) else sql(job_id), job_id=job_id, deadline=self.deadline)

    def load(
        self, step: str, rows: Sequence[Mapping[str, Any]], target: TablePath, columns: Sequence[Column]
    ) -> JobResult:
        """Load JSON rows into a new table. Raises what `Warehouse.load` raises."""
        return self.warehouse.load(rows, target, columns, job_id=self._job_id(step), deadline=self.deadline)

    def copy(
        self,
        step: str,
        source: TablePath,
        target: TablePath,
        operation: Literal["SNAPSHOT", "RESTORE"],
        *,
        expires: datetime | None = None,
    ) -> JobResult:
        """Make a snapshot of a table, or a table of a snapshot. Raises what `Warehouse.copy` raises."""
        job_id = self._job_id(step)
        return self.warehouse.copy(source, target, operation, job_id=job_id, deadline=self.deadline, expires=expires)

    def _job_id(self, step: str) -> str:
        return f"{self.prefix}-{step}-{self.number()}"
