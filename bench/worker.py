"""Grades the generated date once by one design, in a process of its own: `python -m bench.worker DESIGN`.

The environment configures it, as it does the service. What is timed begins with the event in hand, in a warm
instance: a process that has its clients, and whose handler has answered an event before. Prints `ready`, waits for a
line, and prints one JSON object.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from alerts.alert import Notifier
from bench.generated_date import DAY
from bench.prepared import prepare
from bench.replaced import fetch_grade_and_load
from bench.set_based import merge, replace_table, two_jobs
from bench.wire import count_traffic
from foundation.events import Event
from grading.settings import Settings
from grading.wiring import Application
from locking.store import DocumentStore
from monitoring.log_sink import JsonLogSink

OURS, OURS_ALL, TWO_JOBS, REPLACED, MERGE, REPLACE_TABLE = DESIGNS = (
    "ours",
    "ours, with both aggregates",
    "bare DELETE, INSERT",
    "replaced design",
    "MERGE",
    "CREATE OR REPLACE",
)

_SET_BASED = {TWO_JOBS: two_jobs, MERGE: merge, REPLACE_TABLE: replace_table}


class _Finished:
    """How each processor's run ended."""

    def __init__(self) -> None:
        self.statuses: list[str] = []

    def reset(self) -> None:
        self.statuses.clear()

    def record(self, event: Event) -> None:
        if event.name == "run_finished":
            self.statuses.append(str(event.fields["status"]))


class _SpentIn:
    """Anything, with the time that is spent in its methods."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.seconds = 0.0

    def reset(self) -> None:
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._timed(value) if callable(value) else value

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - started

        return call


def main() -> None:
    """Run the design named on the command line."""
    print(json.dumps(measure(sys.argv[1], _wait_for_start)))


def _wait_for_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def measure(design: str, wait_for_start: Callable[[], None]) -> dict[str, Any]:
    """Run a design once all is prepared and told to, and report what it took: seconds, MiB, bytes."""
    settings = Settings.from_environment(os.environ)
    statements: list[str] = []
    finished = _Finished()
    parts = Application(settings)
    store, notifier = _SpentIn(parts.lock_store), _SpentIn(parts.notifier)
    application = Application(
        settings,
        sinks=(JsonLogSink(parts.clock, sys.stderr), finished),
        lock_store=cast("DocumentStore", store),
        notifier=cast("Notifier", notifier),
        observe=lambda _job_id, sql: statements.append(sql),
    )
    traffic = count_traffic(application.bigquery_client._http)  # noqa: SLF001 - there is no public way to it
    run = _run_of(design, application, settings)
    wait_for_start()
    for meter in (traffic, store, notifier, finished):
        meter.reset()
    statements.clear()
    memory_before, cpu_before, started = _peak_mib(), time.process_time(), time.perf_counter()
    run()
    wall = time.perf_counter() - started
    cpu = time.process_time() - cpu_before
    if not {"success", "superseded"}.issuperset(finished.statuses):
        raise RuntimeError(f"{design} ended as {finished.statuses}")
    figures = asdict(traffic)
    steps = dict(figures.pop("seconds")) | {"lock": store.seconds, "alert": notifier.seconds}
    steps["Python, and what is not named"] = max(0.0, wall - sum(steps.values()))
    return {
        "design": design,
        "superseded": "superseded" in finished.statuses,
        "wall": wall,
        "client_cpu": cpu,
        "peak_mib": _peak_mib(),
        "memory_growth_mib": _peak_mib() - memory_before,
        "statements_in_transaction": max((_in_transaction(sql) for sql in statements), default=0),
        **figures,
        "steps": steps,
    }


def _run_of(design: str, application: Application, settings: Settings) -> Callable[[], None]:
    if design in (OURS, OURS_ALL):
        handler = application.handler
        with contextlib.redirect_stdout(sys.stderr):  # there is nothing to grade, which is alerted
            handler.handle(_event(DAY - timedelta(days=1), run_aggregation=False))
        event = _event(DAY, run_aggregation=design == OURS_ALL)
        return lambda: handler.handle(event)
    client = application.bigquery_client
    if design == REPLACED:
        return lambda: fetch_grade_and_load(client, settings, DAY)
    prepared = prepare(application.warehouse, settings, [DAY])
    return lambda: _SET_BASED[design](client, settings, prepared)


def _event(day: date, *, run_aggregation: bool) -> dict[str, Any]:
    body = {"target_date": day.isoformat(), "trigger_source": "bench", "run_aggregation": run_aggregation}
    return {
        "message": {
            "data": base64.b64encode(json.dumps(body).encode()).decode(),
            "messageId": uuid.uuid4().hex,
            "publishTime": datetime.now(UTC).isoformat(),
        }
    }


def _in_transaction(sql: str) -> int:
    """The statements between BEGIN and COMMIT."""
    if "BEGIN TRANSACTION;" not in sql:
        return 0
    code = "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    inside = code.split("BEGIN TRANSACTION;")[1].split("COMMIT TRANSACTION;")[0]
    return inside.count(";")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
