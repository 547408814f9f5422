"""What a person at a terminal sees: a console of a known width, and events as lines."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from foundation.events import Event

_SHOWN = frozenset({"ERROR", "CRITICAL"})
# Shown with its date, by the command itself.
_TOLD_ELSEWHERE = frozenset({"run_finished", "quality_checked"})
# What a run does, in the order in which it does it.
_STEPS = frozenset(
    {
        "lock_acquired", "lock_waiting", "lock_waited", "lock_taken_over", "lock_skipped", "write_staged",
        "write_published", "validation_passed", "lock_released", "publish_refused",
    }
)  # fmt: skip

# In a pipe or a file nothing is broken into lines or cut.
_PIPE_WIDTH = 10_000


def make_console(*, quiet: bool = False) -> Console:
    """A console on the standard output: as wide as the terminal; in a pipe without end, whatever the terminal is."""
    console = Console(highlight=False, emoji=False, quiet=quiet)
    if console.is_terminal:
        return console
    return Console(highlight=False, emoji=False, quiet=quiet, width=_PIPE_WIDTH, color_system=None)


class ConsoleSink:
    """Shows errors as plain lines, in place of the structured log."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def record(self, event: Event) -> None:
        if event.severity in _SHOWN and event.name not in _TOLD_ELSEWHERE:
            where = " ".join(str(event.fields[name]) for name in ("date", "processor") if event.fields.get(name))
            self._console.print(Text(f"{where}: {event.message}" if where else event.message, "red"))


class EventLines(ConsoleSink):
    """Shows what a run does, too: a line a step, as `make demo` does."""

    def record(self, event: Event) -> None:
        if event.name in _STEPS and event.fields.get("lock_type") != "publish":
            # A lock's name tells whose it is.
            about = "" if event.name.startswith("lock_") else event.fields.get("processor")
            self._console.print(Text(_step(event.name, step_text(event.message, about), self._console.width), "dim"))
        else:
            super().record(event)


def _step(name: str, text: str, width: int) -> str:
    """A step, with what does not fit on the line under where its text begins."""
    start = f"  {name:<18} "
    return textwrap.fill(text, width, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False)


def step_text(message: str, processor: object) -> str:
    """A step's text, with its processor unless it names it."""
    name = str(processor or "")
    return message if not name or name in message else f"{name}: {message}"
