"""`python -m grading backfill`."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

import click

from alerts.alert import Alert
from alerts.upkeep_messages import UNFINISHED, backfill_finished
from foundation import figures
from foundation.clock import Deadline
from grading.cli.options import DAY, chosen, processor_option
from grading.cli.output import Column, Output, fail, with_output
from grading.cli.runner import run_plan, show_result
from grading.cli.unfinished import held_locks, list_unfinished, tell_who_is_waited_for
from grading.dates.backfill import FAILURES, BackfillResult, Plan, bytes_to_scan, plan_backfill
from grading.dates.batches import MAX_DATES
from grading.outcome import Outcome, Status, Written
from grading.processors import GRADING, PROCESSORS
from grading.service import GradingService

_PLAN_SECONDS = 300.0
_NAMES_SHOWN = 20

# How a date ended is how the worst of its runs did.
_WORST_FIRST = (
    Status.FAILED,
    Status.ROWS_MISSING,
    Status.SHRUNK,
    Status.NO_ACTUALS,
    Status.PARTIAL,
    Status.SUCCESS,
    Status.SUPERSEDED,
    Status.REPAIRED,
    Status.NO_PREDICTIONS,
)


@click.command()
@click.option("--start", type=DAY, help="The first date: YYYY-MM-DD, today or yesterday.")
@click.option("--end", type=DAY, help="The last date.")
@processor_option()
@click.option(
    "--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="How many batches at once."
)
@click.option(
    "--batch-dates",
    type=click.IntRange(1, MAX_DATES),
    default=MAX_DATES,
    help="The most dates that are written together; fewer if these take longer than a minute.",
)
@click.option("--allow-shrink", is_flag=True, help="Publish even if far fewer keys are staged than a date has.")
@click.option("--resume", is_flag=True, help="Do only what the latest backfill of this very range has left.")
@click.option("--dry-run", is_flag=True, help="Only show the dates, their rows and the bytes to be scanned.")
@click.option("--unfinished", is_flag=True, help="List the backfills of the last 14 days that have something left.")
@with_output()
def backfill(
    out: Output,
    start: date | None,
    end: date | None,
    names: tuple[str, ...],
    concurrency: int,
    batch_dates: int,
    allow_shrink: bool,
    resume: bool,
    dry_run: bool,
    unfinished: bool,
) -> None:
    """Grade a range of dates again, beside whatever else runs.

    It works in phases: all grading, then all daily aggregates, then the summaries, since a summary reads the
    dates before its own. Many dates are staged and published together, in batches; every date has its own lock,
    and one that someone else holds or writes is left out and done at the end. So it is safe beside the schedule,
    and may be stopped (Ctrl-C finishes the dates in flight) or killed at any time.

    \b
    python -m grading backfill --start 2026-01-01 --end 2026-01-31 --dry-run
    python -m grading backfill --start 2026-01-01 --end 2026-01-31 --concurrency 8
    python -m grading backfill --start 2026-01-01 --end 2026-01-31 --resume
    python -m grading backfill --unfinished

    Exit code 1 if a date failed or was not reached; one Slack message reports the whole backfill.
    """
    if unfinished:
        list_unfinished(out)
        return
    if not start or not end:
        raise click.UsageError("--start and --end are needed: the first and the last date of the backfill")
    application, service = out.application, out.application.service
    deadline = Deadline.after(_PLAN_SECONDS, application.clock)
    with out.waiting(f"Reading what {start} to {end} have"):
        plan = plan_backfill(service, start, end, chosen(names), deadline, resume=resume)
    if plan.finished:
        finished = figures.counted(plan.finished, "run was", "runs were")
        out.line(f"{finished} finished before; {plan.runs:,} are left.")
    elif resume:
        out.line("There is no earlier backfill of this range with a finished run: this one begins anew.")
    if not plan.runs:
        out.line(f"Nothing to do: {'all is done' if plan.finished else f'no predictions from {start} to {end}'}.")
        out.fact("runs_ended", 0)
        return
    if dry_run:
        _show_plan(out, service, plan, concurrency)
        return
    if resume:
        tell_who_is_waited_for(out, plan.trigger, held_locks(application))
    command = _resume_command(start, end, names, concurrency, batch_dates, allow_shrink)
    out.fact("resume_command", command)
    out.line(
        f"{figures.counted(len(plan.dates), 'date')}, {figures.counted(plan.runs, 'run')}, {concurrency} at once. "
        "To go on after a crash:"
    )
    out.command(command)
    result = run_plan(
        out,
        service,
        plan,
        concurrency=concurrency,
        batch_dates=batch_dates,
        allow_shrink=allow_shrink,
        resume=command,
    )
    show_result(out, result)
    application.notifier.send(message(plan, result, command))
    if result.failed or result.not_reached:
        _tell_what_is_left(out, result, command, allow_shrink=allow_shrink)
        fail()
    application.notifier.resolve(UNFINISHED, None, f"{start} to {end}")


def _tell_what_is_left(out: Output, result: BackfillResult, command: str, *, allow_shrink: bool) -> None:
    """The command for the dates that were not reached or not published, and what to look at first."""
    out.line("Interrupted. To go on:" if result.not_reached else "To try what was not published again:", "yellow")
    out.command(command)
    if not allow_shrink and any(outcome.status is Status.SHRUNK for outcome in result.failed):
        out.line(
            "shrunk: look first whether the input tables are whole. --allow-shrink is for dates that really have fewer."
        )


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
    if result.not_reached:
        dates = figures.counted(len({work.date for work in result.not_reached}), "date")
        facts.append(("Not reached", f"{figures.counted(len(result.not_reached), 'run')}, {dates}"))
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


def _resume_command(
    first: date, last: date, names: Sequence[str], concurrency: int, batch_dates: int, allow_shrink: bool
) -> str:
    words = ["python", "-m", "grading", "backfill", "--start", f"{first}", "--end", f"{last}"]
    for name in names:
        words += ["--processor", name]
    words += ["--concurrency", str(concurrency)]
    words += ["--batch-dates", str(batch_dates)] if batch_dates < MAX_DATES else []
    words += [*(["--allow-shrink"] if allow_shrink else []), "--resume"]
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A date of a dry run: its rows to grade, and the bytes that each processor would scan."""

    date: date
    rows: int
    scanned: dict[str, int]


def _show_plan(out: Output, service: GradingService, plan: Plan, concurrency: int) -> None:
    """The dates, what they have, and what computing them would scan."""
    deadline = Deadline.after(_PLAN_SECONDS, service.clock)
    works = [work for phase in plan.phases for work in phase]
    with out.waiting("Asking what would be scanned"), ThreadPoolExecutor(concurrency) as pool:
        scanned = dict(zip(works, pool.map(lambda work: bytes_to_scan(service, work, deadline), works), strict=True))
    planned = [
        _Planned(day, plan.rows[day], {work.processor.name: size for work, size in scanned.items() if work.date == day})
        for day in plan.dates
    ]
    columns: list[Column[_Planned]] = [
        Column(name="date", heading="Date", value=lambda p: p.date, whole=True),
        Column(name="rows", heading="Rows to grade", value=lambda p: p.rows, number=True),
        Column(name="bytes", heading="Bytes to scan", value=lambda p: sum(p.scanned.values()), number=True),
    ]
    columns += [_scanned_by(processor.name) for processor in PROCESSORS]
    out.table("dates", columns, planned, title="Dry run: nothing was changed, no query was run")
    rows, size = sum(plan.rows[day] for day in plan.dates), sum(scanned.values())
    out.line(
        f"{figures.counted(len(plan.dates), 'date')}, {figures.counted(plan.runs, 'run')}, "
        f"{figures.counted(rows, 'row')} to grade, {figures.counted(size, 'byte')} to scan"
    )


def _scanned_by(name: str) -> Column[_Planned]:
    return Column(name=name, heading=name, value=lambda planned: planned.scanned.get(name), number=True, wide=True)
