"""One state for all commands: graded dates, a damaged one, one without box scores, a dead backfill, locks, backups.

Today is 2026-01-20. The dates 15 to 18 are graded; the 17th has 3 rows twice; the 18th was graded with copies that are
gone; the 19th has predictions of which half have a box score.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from google.cloud import bigquery

from foundation.clock import Deadline, SystemClock
from grading.processors import PROCESSORS
from grading.run import Request
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.load import create_input_tables
from localdev.settings import local_settings
from locking.sqlite_store import SQLiteLockStore
from locking.status import Claim
from locking.store import Document, Key
from tests.integration.damaged import execute
from tests.integration.slate import box_scores, load, predictions

TODAY = date(2026, 1, 20)
DAYS = [date(2026, 1, 15) + timedelta(days=number) for number in range(5)]
DAMAGED, LATE = DAYS[2], DAYS[4]
PLAYERS = 40
NOW = datetime(2026, 1, 20, 15, tzinfo=UTC)
DEAD = "backfill:2026-01-15:2026-01-18:20260119T090000Z"


class SetClock(SystemClock):
    """A wall clock that stands where it is put; the monotonic one runs."""

    def __init__(self) -> None:
        self.wall = NOW

    def now(self) -> datetime:
        return self.wall


class AgedStore(SQLiteLockStore):
    """Locks whose age is what their key says."""

    ages: dict[str, float] = {}  # noqa: RUF012

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        return [
            Document(found.key, found.fields, found.version, self.ages.get(found.key.document_id, 0.0))
            for found in super().list(collection, timeout=timeout)
        ]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The application on the state, and the client that changes it."""

    application: Application
    client: bigquery.Client

    def damage(self, day: date = DAMAGED, rows: int = 3) -> None:
        """Copies of some rows of a date, graded an hour later."""
        target = self.application.settings.target("prediction_accuracy")
        execute(
            self.client,
            f"INSERT INTO `{target}` SELECT * REPLACE (TIMESTAMP_ADD(graded_at, INTERVAL 60 MINUTE) AS graded_at) "
            f"FROM `{target}` WHERE game_date = '{day}' ORDER BY player_lookup LIMIT {rows}",
        )

    def lock(self, lock_key: str, age: float, *, lock_type: str = "grading", operation: str = "by hand") -> None:
        """A lock of a process on another machine, of which the store says this age."""
        claim = Claim(
            key=Key(f"{lock_type}_locks", f"{lock_type}_{lock_key}"),
            lock_type=lock_type,
            lock_key=lock_key,
            holder_id=f"holder-{lock_key}",
            operation_id=operation,
            lease_seconds=60,
            host="worker-7",
            process=4242,
        )
        AgedStore.ages[claim.key.document_id] = age
        self.application.lock_store.create(claim.key, claim.fields(NOW), timeout=5)

    def free(self) -> None:
        """No lock is held."""
        for lock_type in ("grading", "publish"):
            for document in self.application.lock_store.list(f"{lock_type}_locks", timeout=5):
                self.application.lock_store.delete(document.key, if_version=document.version, timeout=5)
        AgedStore.ages.clear()


def prepare(emulator: BigQueryEmulator, directory: Path, **chosen: object) -> Prepared:
    """Build the state on an emulator, in datasets of its own."""
    settings = local_settings(
        bigquery_endpoint=emulator.endpoint,
        dataset_suffix=f"_{uuid.uuid4().hex[:10]}",
        lock_store="sqlite",
        lock_sqlite_path=str(directory / "locks.sqlite3"),
        **chosen,
    )
    clock = SetClock()
    application = Application(settings, clock=clock, sinks=(), lock_store=AgedStore(settings.lock_path))
    client = application.bigquery_client
    create_input_tables(client, settings)
    create_tables(settings, application.jobs("init", 60))
    load(
        client,
        settings,
        [row for day in DAYS for row in predictions(day, PLAYERS, predicted=5.0 + day.day)],
        [row for day in DAYS for row in box_scores(day, PLAYERS if day != LATE else PLAYERS // 2)],
    )
    for day in DAYS[:-1]:
        for number, processor in enumerate(PROCESSORS):
            clock.wall = datetime(day.year, day.month, day.day + 1, 11, number, tzinfo=UTC)
            application.service.run(processor, Request(date=day, trigger_source="schedule"), Deadline.after(90, clock))
    clock.wall = NOW
    # Runs began by the clock that is set, and were committed by the server's.
    execute(
        client,
        f"UPDATE `{settings.target('grading_runs')}` SET committed_at = TIMESTAMP_ADD(started_at, INTERVAL 2 SECOND)"
        " WHERE committed_at IS NOT NULL",
    )
    prepared = Prepared(application, client)
    prepared.damage()
    execute(
        client,
        f"INSERT INTO `{settings.target('grading_runs')}` (run_id, processor, game_date, trigger_source, started_at,"
        f" committed_at, status, rows_inserted, rows_deleted, duplicate_keys) VALUES"
        f" ('dead', 'prediction_accuracy', '2026-01-15', '{DEAD}', '2026-01-19 09:00:00+00', '2026-01-19 09:00:05+00',"
        f" 'success', {PLAYERS}, {PLAYERS}, 0)",
    )
    return prepared
