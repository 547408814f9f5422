"""What a person at a terminal sees: plain lines and tables on the output, errors among them as they happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from foundation.events import Event

_SHOWN = frozenset({"ERROR", "CRITICAL"})
# Shown with its date, by the command itself.
_TOLD_ELSEWHERE = frozenset({"run_finished"})

# Columns that are copied from, and so never broken into lines.
_WHOLE = frozenset({"Date", "Processor", "Started", "Run"})

# Tables are not squeezed when the output is a pipe or a file.
_PIPE_WIDTH = 160


def make_console() -> Console:
    """A console on the standard output."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


class ConsoleSink:
    """Shows errors as plain lines, in place of the structured log."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def record(self, event: Event) -> None:
        if event.severity in _SHOWN and event.name not in _TOLD_ELSEWHERE:
            where = " ".join(str(event.fields[name]) for name in ("date", "processor") if event.fields.get(name))
            self._console.print(f"{where}: {event.message}" if where else event.message, style="red", markup=False)


def table_of(title: str, columns: Iterable[str], *, numbers: Iterable[str] = ()) -> Table:
    """An empty table; the columns named in `numbers` are right-aligned."""
    right = set(numbers)
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=column in _WHOLE
        )
    return table


@contextmanager
def waiting_for(console: Console, what: str) -> Iterator[None]:
    """A spinner on a terminal while something is read; nothing elsewhere."""
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield
