"""A command of the CLI in a process of its own, killed at a named step.

    python -m tests.integration.repair_process STEP before|after ARGUMENTS…

SIGKILLs itself right before a job whose id contains STEP is sent, or right before the first job after it.
"""

from __future__ import annotations

import os
import signal
import sys

from foundation.clock import SystemClock
from grading.cli import commands, dedupe, undo  # noqa: F401 - the commands must be loaded to be patched
from grading.settings import Settings
from grading.wiring import Application


class _Killer:
    """Watches the jobs that are sent."""

    def __init__(self, step: str, when: str) -> None:
        self._step = step
        self._when = when
        self._seen = False

    def __call__(self, job_id: str, _sql: str) -> None:
        if self._seen or (self._when == "before" and self._step in job_id):
            os.kill(os.getpid(), signal.SIGKILL)
        self._seen = self._step in job_id


def main() -> None:
    """Run the command with the environment's settings."""
    step, when, *arguments = sys.argv[1:]
    application = Application(
        Settings.from_environment(os.environ), clock=SystemClock(), sinks=(), observe=_Killer(step, when)
    )
    vars(sys.modules["grading.cli.output"])["application_for_terminal"] = lambda *_: application
    commands(arguments)


if __name__ == "__main__":
    main()
