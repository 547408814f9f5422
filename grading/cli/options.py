"""Options that several commands share, and what they turn into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import click

from grading.processors import BY_NAME, PROCESSORS, Processor

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_DAY = click.DateTime(["%Y-%m-%d"])


def range_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--start` and `--end`, both included."""
    function = click.option("--end", required=True, type=_DAY, help="The last date, YYYY-MM-DD.")(function)
    return click.option("--start", required=True, type=_DAY, help="The first date, YYYY-MM-DD.")(function)


def processor_option(processors: Sequence[Processor] = PROCESSORS) -> Decorator:
    """`--processor`, which may be given several times; all of them by default."""
    return click.option(
        "--processor",
        "names",
        multiple=True,
        type=click.Choice([processor.name for processor in processors]),
        help="Only this processor; may be given several times.",
    )


def date_range(start: datetime, end: datetime, today: date) -> tuple[date, date]:
    """The dates of a range. Wrong usage where it is empty or reaches into the future."""
    first, last = start.date(), end.date()
    if first > last:
        raise click.UsageError(f"--start {first} is after --end {last}: swap them")
    if last > today:
        raise click.UsageError(f"--end {last} is in the future: today is {today}")
    return first, last


def chosen(names: Sequence[str], default: Sequence[Processor] = PROCESSORS) -> list[Processor]:
    """The processors of these names, in the order in which they run; all of the default without names."""
    return [BY_NAME[processor.name] for processor in default if not names or processor.name in names]
