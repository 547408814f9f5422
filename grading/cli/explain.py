"""`python -m grading explain`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from zoneinfo import ZoneInfo

import click

from grading.cli.options import DAY, chosen, processor_option
from grading.cli.output import Output, with_output
from grading.report.facts import read_facts
from grading.report.story import Story, tell

_READ_SECONDS = 120.0
_MOMENTS_SHOWN = 200


@click.command()
@click.argument("day", metavar="DATE", type=DAY)
@processor_option()
@with_output()
def explain(out: Output, day: date, names: tuple[str, ...]) -> None:
    """Tell why a date is as it is.

    Who ran, who held the lock and who waited, whose data won and why, what the inputs were then and are now, and the
    one command to type next. Nothing is changed. Times are in the configured time zone.

    \b
    python -m grading explain 2026-01-10
    python -m grading explain 2026-01-10 --processor prediction_accuracy --format json
    """
    application = out.application
    jobs = application.jobs("explain", _READ_SECONDS)
    with out.waiting(f"Reading what is known of {day}"):
        facts = read_facts(application.settings, jobs, application.lock_store, day, chosen(names))
    story = tell(facts)
    for name, value in asdict(story).items():
        out.fact(name, value)
    _show(out, story, ZoneInfo(application.settings.time_zone))


def _show(out: Output, story: Story, zone: ZoneInfo) -> None:
    left_out = len(story.moments) - _MOMENTS_SHOWN
    if left_out > 0:
        out.line(f"{left_out:,} earlier moments are left out; --format json has them all.", "dim")
    if not story.moments:
        out.line(f"No run of {story.date} is recorded.")
    last_day = ""
    for moment in story.moments[-_MOMENTS_SHOWN:]:
        local = moment.at.astimezone(zone)
        if (shown := f"{local:%A, %Y-%m-%d}") != last_day:
            out.line(shown, "bold")
            last_day = shown
        out.item(f"{local:%H:%M:%S.%f}"[:-5], moment.text)
    out.line("Now", "bold")
    for line in story.now:
        out.item("", line)
    out.line("Next", "bold")
    if story.next_command:
        out.command(story.next_command)
    else:
        out.item("", "Nothing is to be done.")
