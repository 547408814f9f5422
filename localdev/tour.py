"""Writes docs/tour.md: what `make stack`, `grade`, `status` and `check` print, on a terminal of 80 columns.

    python -m localdev.tour > docs/tour.md

The stack is a process of its own, ended by Ctrl-C; each command runs in a terminal of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping
from pathlib import Path

from localdev.environment import isolated
from localdev.processes import StartFailed, wait_until

_ROOT = Path(__file__).resolve().parents[1]
_COLUMNS, _LINES = 80, 50
_START_SECONDS = 120.0
_COMMAND_SECONDS = 120.0
_COMMANDS = (
    "python -m grading status",
    "python -m grading grade --date yesterday",
    "python -m grading status",
    "python -m grading check",
)
_EVENTS = ("python -m localdev publish yesterday", "python -m localdev publish 2999-01-01")
_NEWLINE = "\n"
_LOGS = re.compile(r"\S+/grading-stack-\w+")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def tour() -> str:
    """The recording, as Markdown.

    Raises:
        StartFailed: the stack did not come up, or did not end cleanly.
    """
    with tempfile.TemporaryDirectory(prefix="grading-tour-") as directory:
        log, file = Path(directory) / "stack.log", Path(directory) / "stack.env"
        with log.open("w") as output:
            stack = subprocess.Popen(
                [sys.executable, "-u", "-m", "localdev", "--environment", str(file)],
                cwd=_ROOT, env=isolated(), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        try:
            if not wait_until(lambda: "as it comes" in log.read_text(), timeout_seconds=_START_SECONDS):
                raise StartFailed(f"the stack did not come up:\n{log.read_text()}")
            environment = isolated() | _exported(file.read_text())
            typed = [(command, in_terminal(command, environment)) for command in _COMMANDS]
            for command in _EVENTS:
                in_terminal(command, environment)
            wait_until(lambda: "Slack got:" in log.read_text(), timeout_seconds=_COMMAND_SECONDS)
        finally:
            stack.send_signal(signal.SIGINT)
            code = stack.wait(_COMMAND_SECONDS)
        if code:
            raise StartFailed(f"the stack ended with status {code}:\n{log.read_text()}")
        return _markdown(_LOGS.sub("DIRECTORY", log.read_text().replace(directory, ".local")), typed)


def in_terminal(command: str, environment: Mapping[str, str], columns: int = _COLUMNS) -> str:
    """What a command prints on a terminal of this width, without its control codes; animations are off."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, columns, 0, 0))
    words = [sys.executable, *command.split()[1:]]
    settled = {**environment, "TERM": "xterm", "NO_COLOR": "1", "TTY_INTERACTIVE": "0"}
    process = subprocess.Popen(words, cwd=_ROOT, env=settled, stdin=child, stdout=child, stderr=child)
    os.close(child)
    said = b""
    with contextlib.suppress(OSError):  # the terminal is gone when its last process is
        while piece := os.read(parent, 65536):
            said += piece
    process.wait(_COMMAND_SECONDS)
    os.close(parent)
    text = _CONTROL.sub("", said.decode()).replace("\r\n", "\n").replace("\r", "")
    return "\n".join(line.rstrip() for line in text.splitlines())


def _exported(text: str) -> dict[str, str]:
    done = subprocess.run(
        ["sh", "-c", 'eval "$1"; env -0', "sh", text], capture_output=True, text=True, check=True, env={}, timeout=10
    )
    return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if "=" in pair)


def _markdown(stack: str, typed: list[tuple[str, str]]) -> str:
    parts = [
        "# A tour",
        "Recorded by `python -m localdev.tour > docs/tour.md`, on a terminal of 80 columns; a test records it again.",
        "## In one terminal",
        f"```text\n$ make stack\n{stack.strip(_NEWLINE)}\n```",
        f"The events came from `{'` and `'.join(_EVENTS)}`.",
        "## In another",
        *(f"```text\n$ {command}\n{said.strip(_NEWLINE)}\n```" for command, said in typed),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(tour())
