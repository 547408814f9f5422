"""The replaced system in the storm: a plain lock, then DELETE and INSERT as two jobs."""

from __future__ import annotations

import time
import uuid
from datetime import date

from grading.wiring import Application
from locking.store import Key
from tests.faults.storm.rows import select_rows

_WAIT_SECONDS = 0.3
_POLL_SECONDS = 0.1


def naive_write(application: Application, day: date) -> None:
    """Wait a while for the lock, proceed without it if it stays taken, write, delete whatever lock is there."""
    store, key = application.lock_store, Key("naive_locks", f"naive_{day}")
    until = time.monotonic() + _WAIT_SECONDS
    while store.create(key, {"holder_id": "backfill"}, timeout=5) is None and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    try:
        target = application.settings.target("prediction_accuracy")
        client = application.bigquery_client
        client.query_and_wait(f"DELETE FROM `{target}` WHERE game_date = DATE '{day}'", api_timeout=20)
        client.query_and_wait(
            f"INSERT INTO `{target}` (player_lookup, game_id, game_date, system_id, line_value, predicted_points, "
            f"graded_at, run_id, fence_token) SELECT *, '{uuid.uuid4().hex}', {time.time_ns() // 1_000_000} "
            f"FROM ({select_rows(application.settings, day)})",
            api_timeout=20,
        )
    finally:
        held = store.read(key, timeout=5)
        if held:
            store.delete(key, if_version=held.version, timeout=5)
