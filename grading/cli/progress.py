"""A progress bar for many dates: rate, time left, and how each date ended. One for a terminal, lines elsewhere."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from grading.dates.backfill import FAILURES
from grading.dates.survey import Work
from grading.outcome import Outcome, Status
from grading.processors import Processor

STYLES = {
    Status.SUCCESS: "green",
    Status.PARTIAL: "yellow",
    Status.NO_PREDICTIONS: "dim",
    Status.NO_ACTUALS: "yellow",
    Status.SUPERSEDED: "cyan",
    Status.REPAIRED: "cyan",
    Status.SHRUNK: "red",
    Status.FAILED: "red",
    Status.ROWS_MISSING: "red",
}
_IN_FLIGHT_SHOWN = 4


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        seconds = task.finished_time or task.elapsed or 0
        return Text(f"{task.completed / seconds:.1f} dates/s" if seconds else "")


class DateProgress:
    """A context manager that shows a backfill (it is a `grading.dates.backfill.Progress`)."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}", style="dim"),
            console=console,
        )
        self._mutex = threading.Lock()
        self._in_flight: list[str] = []
        self._task: TaskID | None = None

    def phase(self, processor: Processor, runs: int) -> None:
        """A new bar for a new phase; that of the last one stays."""
        self._show_in_flight()
        self._task = self._bar.add_task(processor.name, total=runs, now="")

    def started(self, work: Work) -> None:
        with self._mutex:
            self._in_flight.append(work.date.isoformat())
        self._show_in_flight()

    def finished(self, work: Work, outcome: Outcome) -> None:
        with self._mutex:
            self._in_flight.remove(work.date.isoformat())
        self._console.print(state_line(outcome), highlight=False, soft_wrap=True)
        if self._task is not None and not outcome.transient:
            self._bar.advance(self._task)
        self._show_in_flight()

    def _show_in_flight(self) -> None:
        if self._task is None:
            return
        with self._mutex:
            days = sorted(self._in_flight)
        more = f" and {len(days) - _IN_FLIGHT_SHOWN} more" if len(days) > _IN_FLIGHT_SHOWN else ""
        self._bar.update(self._task, now=", ".join(days[:_IN_FLIGHT_SHOWN]) + more)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def state_line(outcome: Outcome) -> Text:
    """One run in one line: date, processor, status, rows or the reason, time."""
    status = outcome.status
    told = f"{outcome.rows_inserted:,} rows" if status.published else outcome.detail or "nothing published"
    line = Text(f"{outcome.date}  {outcome.processor:<31}")
    line.append(f"{status.value:<15}", STYLES[status])
    line.append(told, "red" if status in FAILURES else "")
    return line.append(f"  {outcome.duration_ms / 1000:.1f} s", "dim")
