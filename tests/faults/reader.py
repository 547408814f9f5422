"""A reader that polls a date while others write it, and remembers what it saw."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Self

from google.cloud import bigquery

from grading.settings import Settings


@dataclass
class Reader:
    """Polls until left. `seen` holds (rows, distinct keys, distinct runs) of each poll."""

    client: bigquery.Client
    settings: Settings
    day: date
    seen: list[tuple[int, int, int]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def empty(self) -> int:
        """How often the date was seen without a row."""
        return sum(rows == 0 for rows, _, _ in self.seen)

    @property
    def doubled(self) -> int:
        """How often a key was seen with more than one row."""
        return sum(rows != keys for rows, keys, _ in self.seen)

    @property
    def mixed(self) -> int:
        """How often rows of several runs were seen together."""
        return sum(runs > 1 for _, _, runs in self.seen)

    def _poll(self) -> None:
        target = self.settings.target("prediction_accuracy")
        sql = (
            f"SELECT COUNT(*) AS n, COUNT(DISTINCT player_lookup) AS k, COUNT(DISTINCT run_id) AS r "
            f"FROM `{target}` WHERE game_date = DATE '{self.day}'"
        )
        while not self._stop.is_set():
            [row] = self.client.query_and_wait(sql, api_timeout=30)
            self.seen.append((row["n"], row["k"], row["r"]))
