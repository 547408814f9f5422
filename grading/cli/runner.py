"""Runs a plan of many dates for a person: progress, Ctrl-C, and the tables at the end."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from foundation import figures
from grading.cli.exits import INTERRUPTED
from grading.cli.output import Column, Output
from grading.cli.progress import DateProgress, state_line, why_unpublished
from grading.dates.backfill import Backfill, BackfillResult, Plan
from grading.dates.batches import MAX_DATES
from grading.outcome import Outcome
from grading.service import GradingService


def run_plan(
    out: Output,
    service: GradingService,
    plan: Plan,
    *,
    concurrency: int,
    resume: str,
    allow_shrink: bool = False,
    batch_dates: int = MAX_DATES,
) -> BackfillResult:
    """Run a plan, showing each date. After Ctrl-C the dates in flight are finished, and `resume` is shown."""
    with DateProgress(out.console) as progress:
        backfill = Backfill(
            service=service,
            plan=plan,
            concurrency=concurrency,
            progress=progress,
            allow_shrink=allow_shrink,
            batch_dates=batch_dates,
        )
        with stopped_by_signals(out, backfill.stop, resume):
            return backfill.run()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """How a processor's part of a plan ended."""

    processor: str
    outcomes: list[Outcome]
    not_reached: int

    @property
    def ended(self) -> str:
        """How many runs ended how, the most frequent first."""
        counted = Counter(outcome.status for outcome in self.outcomes)
        return ", ".join(f"{status} {count:,}" for status, count in counted.most_common())


_PHASES: tuple[Column[Phase], ...] = (
    Column(name="processor", heading="Processor", value=lambda phase: phase.processor, whole=True),
    Column(name="runs", heading="Runs", value=lambda phase: len(phase.outcomes), number=True),
    Column(name="ended", heading="How they ended", value=lambda phase: phase.ended or None),
    Column(name="not_reached", heading="Not reached", value=lambda phase: phase.not_reached, number=True),
    Column(
        name="rows", heading="Rows", value=lambda phase: sum(o.rows_inserted for o in phase.outcomes), number=True
    ),
    Column(
        name="duplicate_keys", heading="Duplicates",
        value=lambda phase: sum(o.duplicates.duplicate_keys for o in phase.outcomes if o.duplicates),
        number=True, wide=True,
    ),
    Column(
        name="longest_lock_wait_ms", heading="Longest lock wait",
        value=lambda phase: max((o.lock_wait_ms for o in phase.outcomes), default=0), show=lambda ms: f"{ms:,} ms",
        number=True, wide=True,
    ),
)  # fmt: skip


def show_result(out: Output, result: BackfillResult) -> None:
    """A row for each processor, then every run that published nothing though it should have, and the totals."""
    reached = [outcome.processor for outcome in result.outcomes]
    missed = Counter(work.processor.name for work in result.not_reached)
    phases = [
        Phase(
            processor=name,
            outcomes=[outcome for outcome in result.outcomes if outcome.processor == name],
            not_reached=missed[name],
        )
        for name in dict.fromkeys([*reached, *missed])
    ]
    out.line()
    out.table("phases", _PHASES, phases)
    if result.failed:
        out.line("Not published:", "bold red")
        for outcome in result.failed:
            out.console.print(state_line(outcome))
    totals = {
        "runs_ended": len(result.outcomes),
        "runs_failed": len(result.failed),
        "runs_not_reached": len(result.not_reached),
        "dates_not_reached": len({work.date for work in result.not_reached}),
        "seconds": round(result.duration_seconds, 1),
    }
    for name, value in totals.items():
        out.fact(name, value)
    failed = [
        {"date": f"{o.date}", "processor": o.processor, "status": o.status.value, "detail": why_unpublished(o)}
        for o in result.failed
    ]
    out.fact("failed", failed)
    dates = figures.counted(int(totals["dates_not_reached"]), "date")
    out.line(
        f"{figures.counted(len(result.outcomes), 'run')} ended in {figures.span(result.duration_seconds)}, "
        f"{len(result.failed)} failed, {len(result.not_reached)} not reached"
        + (f" (on {dates})." if result.not_reached else "."),
        "yellow" if result.not_reached or result.failed else "",
    )


@contextmanager
def stopped_by_signals(out: Output, stop_politely: Callable[[], object], resume: str) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) stops politely, and shows `resume`; the second leaves at once, which is safe too.

    Yields the signals that have come.
    """
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            # Each write is one transaction: it commits whole or not at all, and its lock expires.
            os._exit(INTERRUPTED)
        stop_politely()
        sooner = dict(before)[signal.SIGTERM]
        if number == signal.SIGTERM and callable(sooner):
            sooner(number, frame)  # whoever sends SIGTERM waits for seconds, not for the dates in flight
        out.line("Finishing the dates in flight; press Ctrl-C again to leave at once. To go on later:", "yellow")
        out.command(resume)

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield asked
    finally:
        for number, handler in before:
            signal.signal(number, handler)
