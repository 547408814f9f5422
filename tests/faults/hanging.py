"""How long an invocation takes while BigQuery and Slack both hang: `python -m tests.faults.hanging`.

A server accepts every connection and never answers. Each line is one event, with the function's whole time as its
deadline: the last column must be the smaller one. Exit code 1 if an invocation took longer than it may.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from foundation.errors import Transient
from foundation.events import Event
from grading.wiring import Application
from localdev.settings import local_settings
from tests.integration.events import pubsub_event

DEADLINES = (20.0, 30.0, 40.0)


class Counting:
    """Counts the alerts that were not delivered."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def record(self, event: Event) -> None:
        self.names.append(event.name)


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections, reads, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()


def invocation_seconds(seconds: float, port: int, folder: Path) -> tuple[float, int, str]:
    """One event for a date: how long it took, how many alerts were logged as not sent, and how it ended."""
    settings = local_settings(
        bigquery_endpoint=f"http://127.0.0.1:{port}",
        lock_store="sqlite",
        lock_sqlite_path=str(folder / f"locks-{seconds:.0f}.sqlite3"),
        slack_webhook_url=f"http://127.0.0.1:{port}/services/T/B/x",
        function_timeout_seconds=seconds,
        write_reserve_seconds=seconds / 4,
    )
    counted = Counting()
    application = Application(settings, sinks=(counted,))
    event = pubsub_event({"target_date": (datetime.now(UTC) - timedelta(days=2)).date().isoformat()}, datetime.now(UTC))
    began, ended = time.monotonic(), "acknowledged"
    try:
        application.handler.handle(event)
    except Transient:
        ended = "redelivered"
    took = time.monotonic() - began
    application.bigquery_client.close()
    return took, counted.names.count("alert_failed"), ended


def main(deadlines: Sequence[float] = DEADLINES) -> int:
    """Measure, print the table, and say whether each invocation ended in time."""
    print("FUNCTION_TIMEOUT_SECONDS  took s  alerts not sent  event")
    late = 0
    with tempfile.TemporaryDirectory() as folder, silent_server() as port:
        for seconds in deadlines:
            took, alerts, ended = invocation_seconds(seconds, port, Path(folder))
            late += took > seconds
            print(f"{seconds:24.0f}  {took:6.1f}  {alerts:15}  {ended}", flush=True)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main([float(text) for text in sys.argv[1:]] or DEADLINES))
