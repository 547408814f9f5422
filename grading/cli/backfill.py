"""`python -m grading backfill`."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime

import click
from rich.console import Console

from alerts.alert import Alert
from alerts.upkeep_messages import backfill_finished
from foundation.clock import Deadline
from grading.cli.console import ConsoleSink, make_console, table_of, waiting_for
from grading.cli.options import chosen, date_range, processor_option, range_options
from grading.cli.runner import run_plan, show_result
from grading.dates.backfill import FAILURES, BackfillResult, Plan, bytes_to_scan, plan_backfill
from grading.outcome import Outcome, Status, Written
from grading.processors import GRADING, PROCESSORS
from grading.service import GradingService
from grading.wiring import application_for_terminal

_PLAN_SECONDS = 300.0
_NAMES_SHOWN = 20

# How a date ended is how the worst of its runs did.
_WORST_FIRST = (
    Status.FAILED,
    Status.SHRUNK,
    Status.NO_ACTUALS,
    Status.PARTIAL,
    Status.SUCCESS,
    Status.SUPERSEDED,
    Status.REPAIRED,
    Status.NO_PREDICTIONS,
)


@click.command()
@range_options
@processor_option()
@click.option("--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="How many dates at once.")
@click.option("--allow-shrink", is_flag=True, help="Publish even if far fewer keys are staged than a date has.")
@click.option("--resume", is_flag=True, help="Do only what the latest backfill of this very range has left.")
@click.option("--dry-run", is_flag=True, help="Only show the dates, their rows and the bytes to be scanned.")
def backfill(
    start: datetime,
    end: datetime,
    names: tuple[str, ...],
    concurrency: int,
    allow_shrink: bool,
    resume: bool,
    dry_run: bool,
) -> None:
    """Grade a range of dates again, beside whatever else runs.

    It works in phases: all grading, then all daily aggregates, then the summaries, since a summary reads the
    dates before its own. Every date has its own lock and is replaced in one transaction, so it is safe beside
    the schedule, and may be stopped (Ctrl-C finishes the dates in flight) or killed at any time.

    \b
    python -m grading backfill --start 2026-01-01 --end 2026-01-31 --dry-run
    python -m grading backfill --start 2026-01-01 --end 2026-01-31 --concurrency 8
    python -m grading backfill --start 2026-01-01 --end 2026-01-31 --resume

    Exit code 1 where a date failed or was not reached; one Slack message tells of the whole backfill.
    """
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    first, last = date_range(start, end, application.settings.local_date(application.clock.now()))
    service = application.service
    deadline = Deadline.after(_PLAN_SECONDS, application.clock)
    with waiting_for(console, f"Reading what {first} to {last} have"):
        plan = plan_backfill(service, first, last, chosen(names), deadline, resume=resume)
    if plan.finished:
        console.print(f"{plan.finished:,} runs were finished before; {plan.runs:,} are left.")
    elif resume:
        console.print("There is no earlier backfill of this range with a finished run: this one begins anew.")
    if not plan.runs:
        console.print(f"Nothing to do: {'all is done' if plan.finished else f'no predictions from {first} to {last}'}.")
        return
    if dry_run:
        _show_plan(console, service, plan, concurrency)
        return
    command = _resume_command(first, last, names, concurrency, allow_shrink)
    console.print(f"{len(plan.dates):,} dates, {plan.runs:,} runs, {concurrency} at once. To go on after a crash:")
    console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
    result = run_plan(console, service, plan, concurrency=concurrency, allow_shrink=allow_shrink, resume=command)
    show_result(console, result)
    application.notifier.send(message(plan, result, command))
    if result.not_reached:
        console.print(f"Interrupted. To go on:\n  {command}", style="yellow", markup=False, soft_wrap=True)
    if result.failed or result.not_reached:
        sys.exit(1)


def message(plan: Plan, result: BackfillResult, resume: str) -> Alert:
    """The one message for the whole backfill."""
    by_date: dict[date, Status] = {}
    for outcome in sorted(result.outcomes, key=lambda outcome: _WORST_FIRST.index(outcome.status)):
        by_date.setdefault(outcome.date, outcome.status)
    failed = sorted(day.isoformat() for day, status in by_date.items() if status in FAILURES)
    alert = backfill_finished(
        plan.start,
        plan.end,
        dates_by_status=Counter(status.value for status in by_date.values()),
        rows=sum(outcome.rows_inserted for outcome in result.outcomes),
        duration_seconds=result.duration_seconds,
        failed_dates=failed,
        interrupted=bool(result.not_reached),
    )
    found = Counter(kept.check for kept in result.alerts)
    facts = [*alert.facts, ("Duplicate keys", f"{sum(map(_duplicates, result.outcomes)):,}")]
    facts += [(f"Alerts: {check}", f"{count:,}") for check, count in found.items()]
    graded = [o for o in result.outcomes if o.processor == GRADING.name and o.status.published and o.written]
    removed = [o for o in graded if o.written and o.written.keys.removed]
    differing = [o for o in graded if o.written and o.written.second_choices.game_ids]
    if removed:
        facts.append(("Keys removed", _total(removed, lambda written: written.keys.removed)))
    if differing:
        facts.append(("Grades by another game id", _total(differing, lambda w: w.second_choices.game_ids)))
    names = [f"{o.date} removed: {name}" for o in removed if o.written for name in o.written.keys.removed_names]
    names += [f"{o.date}: {name}" for o in differing if o.written for name in o.written.second_choices.game_id_names]
    alert = replace(alert, samples=[*alert.samples, *names[:_NAMES_SHOWN]])
    if names and alert.severity == "INFO":
        alert = replace(alert, severity="WARNING")
    return replace(alert, facts=facts, next_command=resume if failed or result.not_reached else alert.next_command)


def _total(outcomes: Sequence[Outcome], number: Callable[[Written], int]) -> str:
    dates = {outcome.date for outcome in outcomes}
    return f"{sum(number(o.written) for o in outcomes if o.written):,} on {len(dates):,} dates"


def _duplicates(outcome: Outcome) -> int:
    return outcome.duplicates.duplicate_keys if outcome.duplicates else 0


def _resume_command(first: date, last: date, names: Sequence[str], concurrency: int, allow_shrink: bool) -> str:
    words = ["python", "-m", "grading", "backfill", "--start", f"{first}", "--end", f"{last}"]
    for name in names:
        words += ["--processor", name]
    words += ["--concurrency", str(concurrency), *(["--allow-shrink"] if allow_shrink else []), "--resume"]
    return shlex.join(words)


def _show_plan(console: Console, service: GradingService, plan: Plan, concurrency: int) -> None:
    """The dates, what they have, and what computing them would scan."""
    deadline = Deadline.after(_PLAN_SECONDS, service.clock)
    works = [work for phase in plan.phases for work in phase]
    with waiting_for(console, "Asking what would be scanned"), ThreadPoolExecutor(concurrency) as pool:
        scanned = dict(zip(works, pool.map(lambda work: bytes_to_scan(service, work, deadline), works), strict=True))
    names = [processor.name for processor in PROCESSORS if any(work.processor is processor for work in works)]
    numbers = ("Rows to grade", *(f"{name}, bytes" for name in names))
    table = table_of("Dry run: nothing was changed, no query was run", ("Date", *numbers), numbers=numbers)
    for day in plan.dates:
        found = {work.processor.name: size for work, size in scanned.items() if work.date == day}
        cells = [f"{found[name]:,}" if name in found else "" for name in names]
        table.add_row(day.isoformat(), f"{plan.rows[day]:,}", *cells)
    console.print(table)
    rows, size = sum(plan.rows[day] for day in plan.dates), sum(scanned.values())
    console.print(f"{len(plan.dates):,} dates, {plan.runs:,} runs, {rows:,} rows to grade, {size:,} bytes to scan")
