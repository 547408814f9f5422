"""Times a backfill in batches beside the same one date by date: by phase, with its jobs and a checksum of its rows.

python -m bench.batch --dates 60 --dates 240

With `--bare ROUNDS` it times one batch of grading beside a bare DELETE and INSERT of the same dates, in turns.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.paired import interval
from bench.prepared import prepare
from bench.set_based import two_jobs
from foundation.clock import Deadline
from grading.dates.backfill import Backfill, plan_backfill
from grading.dates.survey import Work
from grading.outcome import Outcome, Status
from grading.processors import GRADING, PROCESSORS, Processor
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.load import create_input_tables
from localdev.settings import local_settings
from warehouse.statements import Folder, Sql, literal, table

SQL = Folder("bench.sql")

FIRST = date(2023, 11, 1)
_SECONDS = 3600.0


@dataclass(slots=True)
class Phases:
    """The seconds of each phase, by its processor."""

    seconds: dict[str, float] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    _name: str = ""
    _since: float = 0.0

    def phase(self, processor: Processor, runs: int) -> None:
        del runs
        self.end()
        self._name, self._since = processor.name, time.monotonic()

    def started(self, work: Work) -> None:
        pass

    def finished(self, work: Work, outcome: Outcome) -> None:
        del work
        self.statuses[outcome.status] += 1

    def end(self) -> None:
        """The last phase has ended."""
        if self._name:
            self.seconds[self._name] = time.monotonic() - self._since
        self._name = ""


def main() -> None:
    """Each number of dates on an emulator of its own, in batches and then date by date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, action="append", help="how many dates; may be given again")
    parser.add_argument("--batch-dates", type=int, action="append", help="how many together: 240 and 1 by default")
    parser.add_argument(
        "--bare", type=int, metavar="ROUNDS", help="time one batch of grading beside a bare pair of jobs"
    )
    parser.add_argument("--out", type=Path, help="the figures as JSON")
    arguments = parser.parse_args()
    if arguments.bare:
        found = [beside_bare(dates, arguments.bare) for dates in arguments.dates or [60]]
    else:
        found = [run(dates, size) for dates in arguments.dates or [60] for size in arguments.batch_dates or [240, 1]]
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2))


@contextmanager
def filled(dates: int, jobs: list[str]) -> Iterator[Application]:
    """The service beside an emulator of its own with so many dates; the ids of its jobs are added to `jobs`."""
    with tempfile.TemporaryDirectory() as name, BigQueryEmulator(log_directory=Path(name)) as emulator:
        settings = local_settings(
            bigquery_endpoint=emulator.endpoint, lock_store="sqlite", lock_sqlite_path=str(Path(name) / "locks.sqlite3")
        )
        application = Application(settings, sinks=(), observe=lambda job_id, _sql: jobs.append(job_id))
        fill(application, settings, FIRST, FIRST + timedelta(days=dates - 1))
        yield application
        application.bigquery_client.close()  # type: ignore[no-untyped-call]


def beside_bare(dates: int, rounds: int) -> dict[str, Any]:
    """One batch of grading, and a bare DELETE and INSERT of the same dates, in turns; each replaces the dates.

    The first round of each finds an empty table, and is not counted.
    """
    with filled(dates, []) as application:
        days = [FIRST + timedelta(days=number) for number in range(dates)]
        requests = [Request(date=day, trigger_source="bench", one_of_many=True) for day in days]
        pairs = []
        for _ in range(rounds + 1):
            began = time.monotonic()
            ended = application.service.run_all(GRADING, requests, Deadline.after(_SECONDS, application.clock))
            ours = time.monotonic() - began
            if {outcome.status for outcome in ended.outcomes} != {Status.SUCCESS}:
                raise RuntimeError(f"not every date was graded: {ended.outcomes}")
            prepared = prepare(application.warehouse, application.settings, days)
            began = time.monotonic()
            two_jobs(application.bigquery_client, application.settings, prepared)
            pairs.append((ours, time.monotonic() - began))
        ratios = [ours / bare for ours, bare in pairs[1:]]
        low, high, confidence = interval(ratios)
        figures = {
            "dates": dates,
            "rounds": rounds,
            "batch_seconds": round(statistics.median(ours for ours, _ in pairs[1:]), 2),
            "bare_seconds": round(statistics.median(bare for _, bare in pairs[1:]), 2),
            "ratio": round(statistics.median(ratios), 2),
            "interval": [round(low, 2), round(high, 2), round(confidence, 3)],
        }
        print(json.dumps(figures), flush=True)
        return figures


def run(dates: int, batch_dates: int) -> dict[str, Any]:
    """Backfill so many dates in batches of so many, on an emulator of its own."""
    jobs: list[str] = []
    with filled(dates, jobs) as application:
        last = FIRST + timedelta(days=dates - 1)
        plan = plan_backfill(application.service, FIRST, last, PROCESSORS, Deadline.after(_SECONDS, application.clock))
        jobs.clear()
        phases = Phases()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        backfill = Backfill(
            service=application.service, plan=plan, concurrency=4, progress=phases, batch_dates=batch_dates
        )
        result = backfill.run()
        phases.end()
        figures = {
            "dates": dates,
            "batch_dates": batch_dates,
            "seconds": {name: round(seconds, 2) for name, seconds in phases.seconds.items()},
            "jobs": len(jobs),
            "statuses": dict(phases.statuses),
            "failed": [f"{outcome.processor} {outcome.date}: {outcome.detail}" for outcome in result.failed][:3],
            "checksums": {processor.name: checksum(application, processor) for processor in PROCESSORS},
            "client_mib": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
        }
        print(json.dumps(figures), flush=True)
        return figures


def fill(application: Application, settings: Settings, first: date, last: date) -> None:
    """All tables, and a made-up slate for each date."""
    create_input_tables(application.bigquery_client, settings)
    create_tables(settings, application.jobs("init", _SECONDS))
    values = {
        "predictions": table(settings.input_table("predictions_table")),
        "box_scores": table(settings.input_table("box_scores_table")),
        "first": literal(first),
        "last": literal(last),
    }
    jobs = application.jobs("fill", _SECONDS)
    for name in ("slates_predictions", "slates_box_scores"):
        jobs.ask("fill", SQL.fill(name, **values))


def checksum(application: Application, processor: Processor) -> str:
    """Rows, and a sum over what each of them holds that is not of its run."""
    target = application.settings.target(processor.name)
    names = [
        column.name
        for column in application.warehouse.columns(target)
        if column.name not in ("run_id", "fence_token", processor.written_at)
    ]
    text = ", '|', ".join(f"IFNULL(CAST({name} AS STRING), '-')" for name in names)
    sql = SQL.fill("rows_checksum", target=table(target), text=Sql(f"CONCAT({text})")).text
    # Of ten years the local warehouse needs longer than any request of the service may take.
    (row,) = application.bigquery_client.query_and_wait(sql, api_timeout=_SECONDS, wait_timeout=_SECONDS)
    return f"{row['row_count']}:{row['checksum']}"


if __name__ == "__main__":
    main()
