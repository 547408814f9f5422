"""The service in a process of its own, for tests: the command line, or events; with aborted publishes if asked.

    python -m tests.integration.service_process backfill --start … --end …
    python -m tests.integration.service_process event 2024-01-15 2024-01-16

With ABORT_A_THIRD set, BigQuery seems to abort a third of the publishes: half of these before they ran, and half
after they had committed, as if the answer belonged to another attempt.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from foundation.clock import Deadline
from foundation.errors import PublishConflict, Transient
from grading.settings import Settings
from localdev.environment import isolated
from localdev.settings import as_environment
from tests.integration.events import pubsub_event
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult
from warehouse.statements import Sql

ABORT_A_THIRD = "ABORT_A_THIRD"
_DELIVERIES = 10
_ROOT = Path(__file__).parents[2]


def start(
    settings: Settings, *arguments: str, firestore_host: str = "", aborted_publishes: bool = False
) -> subprocess.Popen[str]:
    """Start the process; its output is a pipe."""
    environment = isolated() | as_environment(settings) | {"PYTHONUNBUFFERED": "1"}
    if firestore_host:
        environment["FIRESTORE_EMULATOR_HOST"] = firestore_host
    if aborted_publishes:
        environment[ABORT_A_THIRD] = "1"
    return subprocess.Popen(
        [sys.executable, "-m", __name__, *arguments],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _abort_a_third() -> None:
    chance, real = random.Random(os.getpid()), Warehouse.run

    def run(self: Warehouse, sql: Sql, *, job_id: str, deadline: Deadline) -> JobResult:
        fate = chance.randrange(6) if "-publish-" in job_id else 6
        if fate == 0:
            raise PublishConflict("Transaction is aborted due to concurrent update against table (injected)")
        result = real(self, sql, job_id=job_id, deadline=deadline)
        if fate == 1:
            raise PublishConflict("Transaction is aborted due to concurrent update against table (injected, late)")
        return result

    Warehouse.run = run  # type: ignore[method-assign]


def _handle_events(days: Sequence[str]) -> None:
    """Each event as Pub/Sub would deliver it: again, until it is acknowledged."""
    from grading.wiring import application_from_environment

    handler = application_from_environment().handler
    for day in days:
        event = pubsub_event({"target_date": day, "trigger_source": "schedule"}, datetime.now(UTC), uuid.uuid4().hex)
        for delivery in range(1, _DELIVERIES + 1):
            try:
                handler.handle(event)
                break
            except Transient:
                if delivery == _DELIVERIES:
                    raise


def main(arguments: Sequence[str]) -> None:
    if os.environ.get(ABORT_A_THIRD):
        _abort_a_third()
    if arguments[0] == "event":
        _handle_events(arguments[1:])
    else:
        from grading.cli import main as command_line

        sys.argv = ["grading", *arguments]
        command_line()


if __name__ == "__main__":
    main(sys.argv[1:])
