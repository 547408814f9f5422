"""Options that several commands share, and what they turn into."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import click

from grading.processors import BY_NAME, PROCESSORS, Processor
from grading.wiring import Application

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS = {"today": 0, "yesterday": 1}


@dataclass(frozen=True, slots=True)
class GivenDay:
    """A date as it was typed: one of the calendar, or days before today, which the settings' time zone decides."""

    hint: str
    day: date | None = None
    days_ago: int = 0

    def resolve(self, today: date) -> date:
        """The date. Wrong usage if it is in the future."""
        day = self.day or today - timedelta(days=self.days_ago)
        if day > today:
            raise click.UsageError(f"{self.hint} {day} is in the future: today is {today}")
        return day


class Day(click.ParamType[GivenDay]):
    """A date: YYYY-MM-DD, `today` or `yesterday`. `with_output` gives the command a `datetime.date`."""

    name = "date"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> GivenDay:  # noqa: ARG002
        if isinstance(value, GivenDay):
            return value
        hint = param.opts[0] if param and param.param_type_name == "option" else "DATE"
        text = str(value)
        if text in _WORDS:
            return GivenDay(hint, days_ago=_WORDS[text])
        if not _ISO.fullmatch(text):
            raise click.UsageError(f"{hint} {text!r} is not a date: write YYYY-MM-DD, today or yesterday")
        try:
            return GivenDay(hint, date.fromisoformat(text))
        except ValueError:
            raise click.UsageError(f"{hint} {text} does not exist in the calendar") from None


DAY = Day()


def resolve_dates(given: Mapping[str, Any], application: Callable[[], Application]) -> dict[str, Any]:
    """The options with real dates. Wrong usage if one is in the future, or `start` is after `end`."""
    resolved = dict(given)
    days = {name: value for name, value in given.items() if isinstance(value, GivenDay)}
    if days:
        service = application()
        today = service.settings.local_date(service.clock.now())
        resolved |= {name: value.resolve(today) for name, value in days.items()}
    start, end = resolved.get("start"), resolved.get("end")
    if start and end and start > end:
        raise click.UsageError(f"--start {start} is after --end {end}: swap them")
    return resolved


def range_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--start` and `--end`, both included."""
    function = click.option("--end", required=True, type=DAY, help="The last date.")(function)
    return click.option("--start", required=True, type=DAY, help="The first date: YYYY-MM-DD, today or yesterday.")(
        function
    )


def processor_option(processors: Sequence[Processor] = PROCESSORS) -> Decorator:
    """`--processor`, which may be given several times; all of them by default."""
    return click.option(
        "--processor",
        "names",
        multiple=True,
        type=click.Choice([processor.name for processor in processors]),
        help="Only this processor; may be given several times.",
    )


def chosen(names: Sequence[str], default: Sequence[Processor] = PROCESSORS) -> list[Processor]:
    """The processors of these names, in the order in which they run; all of the default without names."""
    return [BY_NAME[processor.name] for processor in default if not names or processor.name in names]
