"""Runs a plan of many dates for a person: progress, Ctrl-C, and the tables at the end."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from grading.cli.console import table_of
from grading.cli.progress import STYLES, DateProgress, state_line
from grading.dates.backfill import Backfill, BackfillResult, Plan
from grading.outcome import Outcome
from grading.service import GradingService

_SIGNALLED = 130


def run_plan(
    console: Console, service: GradingService, plan: Plan, *, concurrency: int, allow_shrink: bool, resume: str
) -> BackfillResult:
    """Run a plan, showing each date. After Ctrl-C the dates in flight are finished, and `resume` is shown."""
    with DateProgress(console) as progress:
        backfill = Backfill(
            service=service, plan=plan, concurrency=concurrency, progress=progress, allow_shrink=allow_shrink
        )
        with _stopped_by_signals(console, backfill, resume):
            return backfill.run()


def show_result(console: Console, result: BackfillResult) -> None:
    """A row for each processor, then every run that published nothing though it should have."""
    table = table_of(
        "", ("Processor", "Dates", "How they ended", "Rows", "Duplicate keys", "Longest lock wait"),
        numbers=("Dates", "Rows", "Duplicate keys", "Longest lock wait"),
    )  # fmt: skip
    for name in dict.fromkeys(outcome.processor for outcome in result.outcomes):
        outcomes = [outcome for outcome in result.outcomes if outcome.processor == name]
        table.add_row(
            name,
            f"{len(outcomes):,}",
            _ended(outcomes),
            f"{sum(outcome.rows_inserted for outcome in outcomes):,}",
            f"{sum(outcome.duplicates.duplicate_keys for outcome in outcomes if outcome.duplicates):,}",
            f"{max(outcome.lock_wait_ms for outcome in outcomes):,} ms",
        )
    console.print(table)
    if result.failed:
        console.print("Not published:", style="bold red")
        for outcome in result.failed:
            console.print(state_line(outcome), soft_wrap=True)
    if result.not_reached:
        console.print(f"Not reached: {len(result.not_reached)} runs", style="bold yellow")


def _ended(outcomes: list[Outcome]) -> str:
    counted = Counter(outcome.status for outcome in outcomes)
    return ", ".join(f"[{STYLES[status]}]{status} {count:,}[/]" for status, count in counted.most_common())


@contextmanager
def _stopped_by_signals(console: Console, backfill: Backfill, resume: str) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) stops politely; the second leaves at once, which is safe too."""
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            # Each write is one transaction: it commits whole or not at all, and its lock expires.
            os._exit(_SIGNALLED)
        backfill.stop()
        sooner = dict(before)[signal.SIGTERM]
        if number == signal.SIGTERM and callable(sooner):
            sooner(number, frame)  # whoever sends SIGTERM waits for seconds, not for the dates in flight
        console.print(
            f"\nFinishing the dates in flight; press Ctrl-C again to leave at once. To go on later:\n  {resume}",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
