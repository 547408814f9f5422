"""What a command prints: the one convention for lines, commands, tables and JSON.

A command takes an `Output` as its first argument, from `@with_output()`, which also gives it `--format`, `--wide` and
`--debug`, and turns its dates (`grading.cli.options.Day`) into real ones::

    @click.command()
    @with_output()
    def status(out: Output) -> None:
        application = out.application
        out.line("one sentence, broken into lines at the width of the screen")
        out.command("python -m grading catch-up")     # to be typed: on a line of its own, never broken or cut
        out.table("runs", COLUMNS, records)           # see `Column`; "runs" is its name in the JSON
        out.fact("verdict", "pass")                   # in the JSON alone

- On a terminal a table is as wide as the screen at most; columns that are marked `wide` need `--wide`.
- In a pipe nothing is cut or broken, and there is no colour and no bar.
- With `--format json` one JSON object is all there is on the standard output: the facts and the tables, with every
  column, numbers as numbers and times in UTC. Lines and commands are left out.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Generic, Never, TypeVar

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from foundation import figures
from foundation.events import EventSink
from grading.cli.console import ConsoleSink, EventLines, make_console
from grading.cli.exits import FAILED
from grading.cli.failures import check_contact
from grading.cli.options import resolve_dates
from grading.wiring import Application, application_for_terminal

Row = TypeVar("Row")

_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """A column of a table.

    Args:
        name: its key in the JSON.
        heading: what stands above it.
        value: its value in a row, as it is: a number, a date, a text, None.
        show: how the value is written; by default as `text_of` does. None is an empty cell.
        style: the cell's style in a row, for a terminal with colours.
        number: right-aligned.
        whole: never broken into lines: a date, a name to be typed again.
        wide: shown with `--wide` and in a pipe's JSON alone.
        if_room: shown if the whole table then fits the screen, and in a pipe.
    """

    name: str
    heading: str
    value: Callable[[Row], object]
    show: Callable[[Any], str] | None = None
    style: Callable[[Row], str] | None = None
    number: bool = False
    whole: bool = False
    wide: bool = False
    if_room: bool = False

    def cell(self, row: Row) -> Text:
        """The value as a person reads it."""
        value = self.value(row)
        text = "" if value is None else self.show(value) if self.show else text_of(value)
        return Text(text, self.style(row) if self.style else "")


class Output:
    """Where a command prints. A context manager: the JSON is written at its end, however it ends."""

    def __init__(
        self,
        form: str = "text",
        *,
        wide: bool = False,
        debug: bool = False,
        events: bool = False,
        warehouse: bool = True,
    ) -> None:
        self.as_json = form == "json"
        self.wide = wide
        self.console = make_console(quiet=self.as_json)
        self._debug = debug
        self._events = events
        self._warehouse = warehouse
        self._data: dict[str, object] = {}

    @cached_property
    def application(self) -> Application:
        """The service, which has been seen to answer. Raises as `check_contact` does."""
        if self._warehouse:
            check_contact(self.service)
        return self.service

    @cached_property
    def service(self) -> Application:
        """The service, untried. Its errors are shown as lines; with `--debug`, its whole log on the standard error."""
        return application_for_terminal(self.sink)  # type: ignore[arg-type]

    @cached_property
    def sink(self) -> EventSink | None:
        """Where events go; None for the structured log."""
        if self._debug:
            return None
        errors = Console(stderr=True, highlight=False, soft_wrap=True)
        return EventLines(self.console) if self._events else ConsoleSink(errors if self.as_json else self.console)

    def line(self, text: str = "", style: str = "") -> None:
        """A sentence or two."""
        self.console.print(Text(text, style))

    def item(self, head: str, text: str) -> None:
        """A line of a list: what does not fit goes on below its text, not below its head."""
        if not self.console.is_terminal:
            self.console.print(Text(f"  {head}  {text}" if head else f"  {text}"), soft_wrap=True)
            return
        grid = Table.grid(padding=(0, 2, 0, 0))
        cells = [Text(head), Text(text)] if head else [Text(text)]
        grid.add_column(no_wrap=bool(head))
        grid.add_row(*cells)
        self.console.print(Padding(grid, (0, 0, 0, 2)))

    def command(self, text: str) -> None:
        """Something to type, on a line of its own."""
        self.console.print(Text(f"  {text}"), soft_wrap=True)

    def problem(self, text: str) -> None:
        """What went wrong, on the standard error."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text, "red"))

    def fact(self, name: str, value: object) -> None:
        """A value for the JSON."""
        self._data[name] = plain(value)

    def table(
        self,
        name: str,
        columns: Sequence[Column[Row]],
        rows: Iterable[Row],
        *,
        title: str = "",
        empty: str = "",
        heads: bool = True,
    ) -> None:
        """A table, or the line `empty` if it has no rows. A column without any value is not shown."""
        records = list(rows)
        self._data[name] = [{column.name: plain(column.value(row)) for column in columns} for row in records]
        if self.as_json:
            return
        if not records:
            if empty:
                self.line(empty)
            return
        shown = [column for column in columns if self.wide or not column.wide]
        cells = {column.name: [column.cell(row) for row in records] for column in shown}
        shown = [column for column in shown if any(cell.plain for cell in cells[column.name])]
        if self.console.is_terminal and not self.wide and _width(shown, cells) > self.console.width:
            shown = [column for column in shown if not column.if_room]
        if title:
            self.line(title, "bold")
        grid = [[cells[column.name][number] for column in shown] for number in range(len(records))]
        self._print(_laid_out(shown, grid, heads=heads))

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A spinner on a terminal while something is read; nothing elsewhere."""
        if not self.console.is_interactive or self.as_json:
            yield
            return
        with self.console.status(what):
            yield

    def close(self) -> None:
        """Write the JSON, if that is the form."""
        if self.as_json:
            click.echo(json.dumps(self._data, indent=2, ensure_ascii=False))

    def _print(self, table: Table) -> None:
        if self.console.is_terminal:
            self.console.print(table)
            return
        with self.console.capture() as captured:
            self.console.print(table)
        for line in captured.get().splitlines():
            self.console.out(line.rstrip(), highlight=False)


def with_output(
    *, warehouse: bool = True, events: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command its `Output`, with `--format`, `--wide` and `--debug`, and real dates.

    Args:
        warehouse: whether it needs BigQuery, so that a missing login, project, API or table is reported first.
        events: whether the events of its runs are shown as lines.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
        @click.option("--wide", is_flag=True, help="Show every column.")
        @click.option("--debug", is_flag=True, help="Show the log, and where an error came from.")
        @functools.wraps(function)
        def wrapped(*args: Any, form: str, wide: bool, debug: bool, **given: Any) -> None:
            out = Output(form, wide=wide, debug=debug, events=events, warehouse=warehouse)
            given = resolve_dates(given, lambda: out.service)
            try:
                function(out, *args, **given)
            except SystemExit:
                out.close()
                raise
            out.close()

        return wrapped

    return decorate


def text_of(value: object) -> str:
    """A value as text: numbers with commas and without idle zeros, times to the minute."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return figures.number(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
    return str(value)


def plain(value: object) -> object:
    """A value for JSON."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case date():
            return value.isoformat()
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    return str(value)


def _width(columns: Sequence[Column[Any]], cells: Mapping[str, Sequence[Text]]) -> int:
    widths = [max(len(column.heading), *(cell.cell_len for cell in cells[column.name])) for column in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def _laid_out(columns: Sequence[Column[Any]], rows: Sequence[Sequence[Text]], *, heads: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", show_header=heads)
    for column in columns:
        table.add_column(
            Text(column.heading),
            justify="right" if column.number else "left",
            no_wrap=column.whole or column.number,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row)
    return table


def fail() -> Never:
    """End the command with the code of a failure; see `grading.cli.exits`."""
    sys.exit(FAILED)
