"""`make stack`: the local stack with a week of games in it; what happens in it is printed until Ctrl-C."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from foundation.clock import SystemClock
from grading.cli.console import make_console, step_text
from localdev import sample_slate
from localdev.load import load_slate
from localdev.slack_sink import plain_text
from localdev.slate import read_slate
from localdev.stack import TOPIC, LocalStack

DEFAULT_FILE = Path(".local/stack.env")

_LOOK_SECONDS = 0.2
_QUIET = frozenset({"lock_metrics", "alert_suppressed"})


def run_stack(directory: Path, *, days: int, file: Path, wait: Callable[[float], None] = time.sleep) -> None:
    """Start the stack, load `days` days of games up to yesterday, and print what happens until Ctrl-C.

    Args:
        directory: gets the logs; must exist.
        days: how many days of sample games to load.
        file: where the environment is written, for a shell to source; removed at the end.
        wait: called between two looks, with seconds; a test ends the stack by raising KeyboardInterrupt.

    Raises:
        StartFailed: a part did not come up.
    """
    console = make_console()
    try:
        with LocalStack(directory, tell=lambda line: console.print(Text(f"  {line}", "dim"))) as stack:
            last = stack.settings.local_date(SystemClock().now()) - timedelta(days=1)
            _load_week(stack, console, last, days)
            _write_environment(file, stack)
            _say_what_to_try(stack, console, file, last, directory)
            _print_until_interrupted(stack, console, wait)
    except KeyboardInterrupt:
        console.print(Text("The stack has ended; everything that it started is stopped."))
    finally:
        file.unlink(missing_ok=True)


def _load_week(stack: LocalStack, console: Console, last: date, days: int) -> None:
    for number in reversed(range(days)):
        day = last - timedelta(days=number)
        with tempfile.TemporaryDirectory() as directory, stack.client() as client:
            sample_slate.write(Path(directory), day, sample_slate.SAMPLE_SEED + number)
            load_slate(client, stack.settings, read_slate(Path(directory), day))
    if days:
        first = last - timedelta(days=days - 1)
        console.print(Text(f"  made-up games of {first} to {last} are loaded", "dim"))


def _write_environment(file: Path, stack: LocalStack) -> None:
    environment = {
        **stack.service_environment,
        **stack.gcloud_environment,
        "LOCAL_FUNCTION_URL": stack.function.url,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
    file.write_text("".join(lines), encoding="utf-8")


def _with_gcloud(stack: LocalStack, day: date) -> list[str]:
    """The same event as it is published in production, if the SDK's emulator is there."""
    if stack.pubsub is None:
        return []
    return [f"""gcloud pubsub topics publish {TOPIC} --message='{{"target_date": "{day}"}}'"""]


def _say_what_to_try(stack: LocalStack, console: Console, file: Path, last: date, directory: Path) -> None:
    console.print(Text("\nThe stack runs until Ctrl-C. In another terminal, in this directory:"))
    for command in (
        f". .venv/bin/activate && source {file}",
        "python -m grading grade --date yesterday",
        "python -m grading status",
        "python -m grading check",
        f"python -m grading backfill --start {last - timedelta(days=6)} --end {last}",
        "python -m localdev publish yesterday",
        *_with_gcloud(stack, last),
        "python -m localdev load DIRECTORY",
    ):
        console.print(Text(f"  {command}"), soft_wrap=True)
    console.print(Text(f"Logs are in {directory}. What happens, as it comes:\n"), soft_wrap=True)


def _print_until_interrupted(stack: LocalStack, console: Console, wait: Callable[[float], None]) -> None:
    events, posts = 0, 0
    zone = ZoneInfo(stack.settings.time_zone)
    while True:
        entries = stack.function.events()
        for entry in entries[events:]:
            if entry["event"] not in _QUIET and entry.get("lock_type") != "publish":
                now = f"{SystemClock().now().astimezone(zone):%H:%M:%S}"
                text = step_text(str(entry["message"]), entry.get("processor"))
                console.print(Text(f"{now}  {entry['event']:<18} {text}"))
        events = len(entries)
        received = stack.slack.posts
        for post in received[posts:]:
            console.print(Text("\nSlack got:", "bold"))
            for line in plain_text(post.message).splitlines():
                console.print(Text(f"  {line}"), soft_wrap=line.startswith("    "))
            console.print()
        posts = len(received)
        wait(_LOOK_SECONDS)
