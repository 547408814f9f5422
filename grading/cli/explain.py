"""`python -m grading explain`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from grading.cli.console import ConsoleSink, make_console, waiting_for
from grading.cli.options import chosen, processor_option
from grading.report.facts import read_facts
from grading.report.story import Story, tell
from grading.wiring import application_for_terminal

_READ_SECONDS = 120.0
_MOMENTS_SHOWN = 200


@click.command()
@click.argument("day", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]))
@processor_option()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(day: datetime, names: tuple[str, ...], form: str) -> None:
    """Tell why a date is as it is.

    Who ran, who held the lock and who waited, whose data won and why, what the inputs were then and are now, and the
    one command to type next. Nothing is changed. Times are in the configured time zone.

    \b
    python -m grading explain 2026-01-10
    python -m grading explain 2026-01-10 --processor prediction_accuracy --format json
    """
    console = make_console()
    application = application_for_terminal(ConsoleSink(console))
    jobs = application.jobs("explain", _READ_SECONDS)
    with waiting_for(console, f"Reading what is known of {day.date()}"):
        facts = read_facts(application.settings, jobs, application.lock_store, day.date(), chosen(names))
    story = tell(facts)
    if form == "json":
        click.echo(json.dumps(asdict(story), indent=2, default=str))
        return
    _print(console, story, ZoneInfo(application.settings.time_zone))


def _print(console: Console, story: Story, zone: ZoneInfo) -> None:
    left_out = len(story.moments) - _MOMENTS_SHOWN
    if left_out > 0:
        console.print(f"{left_out:,} earlier moments are left out; --format json has them all.", style="dim")
    if not story.moments:
        console.print(f"No run of {story.date} is recorded.")
    last_day = ""
    for moment in story.moments[-_MOMENTS_SHOWN:]:
        local = moment.at.astimezone(zone)
        if (shown := f"{local:%A, %Y-%m-%d}") != last_day:
            console.print(shown, style="bold")
            last_day = shown
        console.print(f"  {local:%H:%M:%S.%f}"[:-5] + f"  {moment.text}", markup=False, highlight=False, soft_wrap=True)
    console.print("Now", style="bold")
    for line in story.now:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print("Next", style="bold")
    console.print(f"  {story.next_command or 'Nothing is to be done.'}", markup=False, highlight=False, soft_wrap=True)
