"""Progress over many dates: done, rate and time left in 80 columns. A bar on a terminal, lines elsewhere."""

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

from foundation import figures
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
_BAR = 10
# A screen this wide has room for the dates in flight, too.
_WIDE = 120


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        seconds = task.finished_time or task.elapsed or 0
        return Text(f"{figures.number(task.completed / seconds)}/s" if seconds else "")


class _TimeLeft(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{super().render(task).plain} left", "cyan")


def date_bar(console: Console) -> Progress:
    """A bar with count, rate and time left, for one task at a time; nothing in a pipe."""
    columns = [TextColumn("{task.description}"), BarColumn(_BAR), MofNCompleteColumn(), _Rate(), _TimeLeft()]
    if console.width >= _WIDE:
        columns.append(TextColumn("{task.fields[now]}", style="dim"))
    return Progress(*columns, console=console, disable=not console.is_interactive or console.quiet)


class DateProgress:
    """A context manager that shows a backfill (it is a `grading.dates.backfill.Progress`)."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = date_bar(console)
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
        self._console.print(state_line(outcome))
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
    """One run: date, processor, status, time, rows or the reason."""
    status = outcome.status
    line = Text(f"{outcome.date}  {outcome.processor:<30}  ")
    line.append(f"{status.value:<14}", STYLES[status])
    line.append(f"  {figures.span(outcome.duration_ms / 1000):>6}", "dim")
    if status.published:
        return line.append(f"  {figures.counted(outcome.rows_inserted, 'row')}")
    return line.append(f"\n  {why_unpublished(outcome)}", "red" if status in FAILURES else "")


def why_unpublished(outcome: Outcome) -> str:
    """Why nothing was published."""
    written = outcome.written
    if outcome.status is Status.SHRUNK and written and not written.lost_rows:
        keys = figures.counted(written.staged_keys, "key")
        return f"{keys} would replace {figures.counted(written.present_keys, 'key')}"
    return outcome.detail or "nothing was published"
