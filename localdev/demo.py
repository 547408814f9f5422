"""`make demo`: a real date graded by the real function, on this machine.

    python -m localdev.demo [--data DIR --date YYYY-MM-DD [--out FILE.csv]]

Exit status: 0 done, 1 failed, 2 what was asked for cannot be done as given.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from foundation.errors import InvalidSettings
from grading.settings import Settings
from localdev import sample_slate
from localdev.bigquery import LOCAL_PROJECT
from localdev.demo_run import DemoFailed, grade_files, grade_sample
from localdev.processes import StartFailed
from localdev.slate import SlateError, read_slate
from localdev.stack import LocalStack

_TIME_ZONE = "America/New_York"
_PIPE_WIDTH = 100
# The settings that change what the same files are graded as. Nothing else of the environment reaches the demo.
_RULES = ("placeholder_lines", "graded_lines", "grade_after_game")


class UsageError(Exception):
    """An argument cannot be used; the message names its value and the remedy."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the user asks for; `data` is None for the sample slate."""

    data: Path | None
    day: date
    out: Path | None


def parse(arguments: Sequence[str] | None = None) -> Arguments:
    """Read the command line. An empty value is one that was not given, as `make` passes it.

    Raises:
        UsageError: a value is malformed, impossible, or lacks its companion.
    """
    parser = argparse.ArgumentParser(
        prog="make demo",
        usage="make demo [DATA=dir DATE=YYYY-MM-DD [OUT=file.csv]]",
        description="Grades a date end to end on this machine: a made-up slate, or your own files.",
    )
    parser.add_argument("--data", default="", help="directory with player_prop_predictions_DATE.csv and the others")
    parser.add_argument("--date", default="", help="the date of the files, YYYY-MM-DD")
    parser.add_argument("--out", default="", help="where to write the graded rows")
    given = parser.parse_args(arguments)
    out = _out(given.out) if given.out else None
    if given.data and not given.date:
        raise UsageError(f"DATE is missing: say which date's files to grade, as DATA={given.data} DATE=2024-01-15")
    if given.date and not given.data:
        raise UsageError(f"DATA is missing: say which directory holds the files of DATE={given.date}")
    if not given.data:
        return Arguments(None, sample_slate.SAMPLE_DATE, out)
    return Arguments(Path(given.data), _day(given.date), out)


def rules_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """The rules that the environment chooses for own files, as fields of `Settings`. Raises `InvalidSettings`."""
    names = {name.upper(): environment.get(name.upper(), "") for name in _RULES}
    chosen = Settings.from_environment({**names, "GOOGLE_CLOUD_PROJECT": LOCAL_PROJECT})
    return {name: getattr(chosen, name) for name in _RULES}


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise UsageError(f"DATE={text} is not a date: write it as YYYY-MM-DD, for example DATE=2024-01-15")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"DATE={text} does not exist in the calendar: {error}") from error
    today = datetime.now(UTC).astimezone(ZoneInfo(_TIME_ZONE)).date()
    if day > today:
        raise UsageError(f"DATE={text} is in the future: today is {today} in {_TIME_ZONE}; only what was played counts")
    return day


def _out(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        raise UsageError(f"OUT={text} is a directory: name a file in it, for example OUT={text.rstrip('/')}/graded.csv")
    if not path.parent.is_dir():
        raise UsageError(f"OUT={text} cannot be written: the directory {path.parent} does not exist")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"OUT={text} cannot be written: it is not yours to write; name another file")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit status."""
    # In a pipe as wide as the README shows it, whatever the terminal is.
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        given = parse(arguments)
        # Read before anything is started: a mistake in a file is reported at once.
        slate = read_slate(given.data, given.day) if given.data else None
        rules = rules_of(os.environ) if given.data else {}
    except (UsageError, SlateError, InvalidSettings) as error:
        complaints.print(f"demo: {error}", markup=False, style="red")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    directory = Path(tempfile.mkdtemp(prefix="grading-demo-"))
    keep_logs = False
    try:
        if slate is None:
            sample_slate.write(directory, given.day)
            slate = read_slate(directory, given.day)
        with ExitStack() as running:
            with console.status("Starting the local stack"):
                tell = partial(console.print, "  ", markup=False, style="dim", sep="")
                stack = running.enter_context(LocalStack(directory, tell=tell, **rules))
            if given.data is None:
                grade_sample(stack, console, given.day, slate, given.out)
            else:
                grade_files(stack, console, given.day, slate, given.out)
    except (DemoFailed, StartFailed) as error:
        complaints.print(f"demo: {error}", markup=False, style="red")
        complaints.print(f"The logs are in {directory}", markup=False)
        keep_logs = True
        return 1
    except KeyboardInterrupt:
        complaints.print("demo: interrupted; everything that it started is stopped", markup=False)
        return 128 + signal.SIGINT
    finally:
        if not keep_logs:
            shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
