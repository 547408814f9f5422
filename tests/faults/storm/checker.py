"""What readers see, all the time; and at the end, whether every table tells the same story."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from google.cloud import bigquery

from grading.settings import Settings
from tests.faults.storm.rows import DAYS, PLAYERS

_PAUSE_SECONDS = 0.05
_CALL_SECONDS = 30


@dataclass
class _Seen:
    """The newest that a reader has seen of a date."""

    token: int = 0
    version: float = 0.0


@dataclass
class Checker:
    """A context manager: inside it a thread reads every date again and again.

    `violations` says in words what was seen that must never be. Copies that the storm itself has put into a date
    (`expect_copies`) are allowed until the date was once seen without them.
    """

    client: bigquery.Client
    settings: Settings
    violations: list[str] = field(default_factory=list)
    polls: int = 0
    _seen: dict[Any, _Seen] = field(default_factory=dict)
    _copied: dict[Any, float] = field(default_factory=dict)
    _holed: dict[Any, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def expect_copies(self, day: Any) -> None:
        """Call before and after copies are put into a date."""
        self._copied[day] = time.monotonic()

    def has_copies(self, day: Any) -> bool:
        """Whether the date may still hold copies."""
        return day in self._copied

    def expect_holes(self, day: Any) -> None:
        """Call before and after rows of a date are deleted: they are missing until the date is graded again."""
        self._holed[day] = time.monotonic()

    def has_holes(self, day: Any) -> bool:
        """Whether rows of the date may still be missing."""
        return day in self._holed

    def read(self) -> Mapping[Any, Mapping[str, Any]]:
        """Each date as it is now, in one statement."""
        target = self.settings.target("prediction_accuracy")
        rows = self.client.query_and_wait(
            f"SELECT game_date AS day, COUNT(*) AS n, COUNT(DISTINCT player_lookup) AS keys, "
            f"COUNT(DISTINCT run_id) AS runs, MIN(run_id) AS run_id, "
            f"MIN(fence_token) AS token, MAX(fence_token) AS newest_token, "
            f"CAST(MIN(predicted_points) AS FLOAT64) AS version, "
            f"CAST(MAX(predicted_points) AS FLOAT64) AS newest_version "
            f"FROM `{target}` WHERE game_date BETWEEN '{DAYS[0]}' AND '{DAYS[-1]}' GROUP BY game_date",
            api_timeout=_CALL_SECONDS,
        )
        return {row["day"]: dict(row.items()) for row in rows}

    def poll(self) -> None:
        """Read once, and judge."""
        began = time.monotonic()
        found = self.read()
        self.polls += 1
        for day in DAYS:
            row = found.get(day)
            if row is None:
                self._tell(f"{day}: a hole: no rows")
                continue
            self._judge(day, row, began)

    def _judge(self, day: Any, row: Mapping[str, Any], began: float) -> None:
        if row["keys"] == PLAYERS and began > self._holed.get(day, began):
            del self._holed[day]
        if row["keys"] != PLAYERS and day not in self._holed:
            self._tell(f"{day}: {row['keys']} of {PLAYERS} keys")
        if row["runs"] != 1 or row["token"] != row["newest_token"] or row["version"] != row["newest_version"]:
            self._tell(f"{day}: rows of {row['runs']} runs at once")
        if row["n"] != row["keys"] and day not in self._copied:
            self._tell(f"{day}: {row['n']} rows for {row['keys']} keys")
        if row["n"] == row["keys"] == PLAYERS and began > self._copied.get(day, began):
            del self._copied[day]
        seen = self._seen.setdefault(day, _Seen())
        if row["token"] < seen.token or row["version"] < seen.version:
            self._tell(
                f"{day}: went back, from token {seen.token} and data {seen.version:g} "
                f"to token {row['token']} and data {row['version']:g}"
            )
        seen.token, seen.version = row["token"], row["version"]

    def __enter__(self) -> Self:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="checker", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(_PAUSE_SECONDS):
                self.poll()
        except Exception as error:  # noqa: BLE001 - a checker that cannot read must not look like a clean storm
            self._tell(f"the checker ended: {type(error).__name__}: {error}")

    def _tell(self, text: str) -> None:
        # The same sight again is no news.
        if text not in self.violations[-20:]:
            self.violations.append(text)


def check_story(client: bigquery.Client, settings: Settings) -> list[str]:
    """What does not fit between the rows, the fence and `grading_runs`, when everything has come to rest."""
    wrong: list[str] = []
    rows = Checker(client, settings).read()
    runs, fence = settings.target("grading_runs"), settings.target("prediction_accuracy_fence")
    published: dict[Any, list[Mapping[str, Any]]] = {day: [] for day in DAYS}
    for row in client.query_and_wait(
        f"SELECT game_date, run_id, fence_token, status, rows_inserted FROM `{runs}` "
        f"WHERE committed_at IS NOT NULL AND processor = 'prediction_accuracy' ORDER BY committed_at, fence_token",
        api_timeout=_CALL_SECONDS,
    ):
        published[row["game_date"]].append(dict(row.items()))
    entries = {
        row["lock_key"]: dict(row.items())
        for row in client.query_and_wait(f"SELECT * FROM `{fence}`", api_timeout=_CALL_SECONDS)
    }
    for day in DAYS:
        story = published[day]
        graded = [run for run in story if run["status"] != "repaired"]
        if day not in rows or not graded:
            wrong.append(f"{day}: no rows, or no run")
            continue
        wrong.extend(f"{day}: {text}" for text in _check_date(rows[day], story, graded, entries.get(str(day))))
    return wrong


def _check_date(row: Mapping[str, Any], story: list[Any], graded: list[Any], entry: Mapping[str, Any] | None) -> Any:
    ids = [run["run_id"] for run in story]
    if len(ids) != len(set(ids)):
        yield "a run was published twice"
    before = 0
    for run in story:
        token = run["fence_token"]
        if run["status"] == "repaired":
            if token != before:
                yield f"repair {run['run_id']} carries token {token} over {before}"
        elif token <= before:
            yield f"run {run['run_id']} was published with token {token} after {before}"
        elif run["rows_inserted"] != PLAYERS:
            yield f"run {run['run_id']} says that it inserted {run['rows_inserted']} rows"
        before = token
    newest = max(graded, key=lambda run: run["fence_token"])
    if (row["run_id"], row["token"]) != (newest["run_id"], newest["fence_token"]):
        yield f"the rows are of run {row['run_id']}, the newest staging was of {newest['run_id']}"
    if (row["n"], row["keys"]) != (PLAYERS, PLAYERS):
        yield f"{row['n']} rows for {row['keys']} keys at the end"
    if entry is None or (entry["run_id"], entry["token"]) != (ids[-1], before):
        yield f"the fence says {entry}, the runs say {ids[-1]} with token {before}"
