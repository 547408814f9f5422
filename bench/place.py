"""Where the designs are compared: one warehouse with a generated date, a target of its own for each design."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.generated_date import DAY, make_date
from bench.lock_contenders import build
from bench.worker import DESIGNS
from foundation.clock import Deadline, SystemClock
from grading.processors import GRADING
from grading.settings import Settings
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.environment import isolated
from localdev.firestore import FirestoreEmulator
from localdev.sdk import FIRESTORE_LAUNCHER, launcher
from localdev.settings import as_environment, local_settings
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs
from warehouse.statements import TablePath

_ROOT = Path(__file__).resolve().parents[1]
_WORKER_SECONDS = 900.0
_WARMING_LOCKS = 500

Elsewhere = tuple[Path, dict[str, str]]
"""A tree of code, and the environment of its processes."""


class Place:
    """A context manager: emulators, `rows` predictions of one date, and the tables that each design writes.

    Locks are in the Firestore emulator if the gcloud SDK is installed, and in SQLite otherwise.
    """

    def __init__(self, directory: Path, rows: int, designs: tuple[str, ...] = DESIGNS) -> None:
        self._exit = ExitStack()
        self._directory = directory
        self._rows = rows
        self._designs = designs
        self.bigquery = BigQueryEmulator(log_directory=directory)
        self.firestore = FirestoreEmulator(log_directory=directory) if launcher(FIRESTORE_LAUNCHER) else None
        locks: dict[str, Any] = {"lock_store": "firestore"}
        if self.firestore is None:
            locks = {"lock_store": "sqlite", "lock_sqlite_path": str(directory / "locks.sqlite3")}
        self._shared: Settings = local_settings(bigquery_endpoint=self.bigquery.endpoint, **locks)

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.bigquery)
            if self.firestore is not None:
                starting.enter_context(self.firestore)
                _warm_up(self.firestore)
            self.client = starting.enter_context(self.bigquery.client())
            make_date(self.client, self._shared, self._rows)
            for design in self._designs:
                jobs = Jobs.of(Warehouse(self.client), "init", Deadline.after(60.0, SystemClock()))
                create_tables(self.settings(design), jobs)
            self._exit = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def settings(self, design: str) -> Settings:
        """The settings of a design: the shared input tables, and a target dataset of its own."""
        return replace(self._shared, target_dataset=f"nba_design_{DESIGNS.index(design)}")

    def target(self, design: str) -> TablePath:
        """The table that a design writes."""
        return self.settings(design).target(GRADING.name)

    def elsewhere(self, tree: Path, dataset: str) -> Elsewhere:
        """A tree of code that runs on this warehouse, with a target dataset of its own."""
        return tree, self._environment(replace(self._shared, target_dataset=dataset))

    def _environment(self, settings: Settings) -> dict[str, str]:
        hosts = {"FIRESTORE_EMULATOR_HOST": self.firestore.host} if self.firestore else {}
        return isolated() | as_environment(settings) | hosts

    def start(self, design: str, elsewhere: Elsewhere | None = None) -> subprocess.Popen[str]:
        """Start a process that will grade the date once by a design, once it is told to begin."""
        tree, environment = elsewhere or (_ROOT, self._environment(self.settings(design)))
        log = (self._directory / "worker.log").open("a")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.worker", design],
                cwd=tree,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._exit.callback(process.kill)
        return process

    def begin(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        """Let started processes begin together."""
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("begin\n")
            process.stdin.flush()

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """What a process measured that was told to begin.

        Raises:
            RuntimeError: it failed; the message has the end of its log.
        """
        output, _ = process.communicate(timeout=_WORKER_SECONDS)
        if process.returncode:
            raise RuntimeError((self._directory / "worker.log").read_text(errors="replace")[-4000:])
        result: dict[str, Any] = json.loads(output)
        return result

    def run(self, design: str, elsewhere: Elsewhere | None = None) -> dict[str, Any]:
        """Grade the date once by a design, in a process of its own; by the code of another tree if one is given.

        Raises:
            RuntimeError: it failed, or did not write.
        """
        process = self.start(design, elsewhere)
        self.begin([process])
        result = self.finish(process)
        if result["superseded"]:
            raise RuntimeError(f"{design} wrote nothing: it was superseded")
        return result

    def fingerprint(self, design: str) -> tuple[Any, ...]:
        """What two designs that grade alike have in common: counts and sums over the date's rows."""
        sql = f"""
            SELECT COUNT(*), COUNTIF(is_voided), COUNTIF(prediction_correct), COUNTIF(NOT prediction_correct),
              SUM(absolute_error), SUM(signed_error), SUM(actual_margin), SUM(confidence_score),
              SUM(confidence_decile), COUNTIF(within_3_points), COUNTIF(pre_game_injury_flag),
              COUNTIF(void_reason = 'dnp_late_scratch'), COUNT(DISTINCT line_value)
            FROM `{self.target(design)}` WHERE game_date = DATE '{DAY}'"""
        return tuple(next(iter(self.client.query_and_wait(sql, api_timeout=120.0))).values())


def _warm_up(firestore: FirestoreEmulator) -> None:
    """Take some locks: a Java server that has just started takes five times as long for each."""
    lock = build("ours", firestore.host)
    for _ in range(_WARMING_LOCKS):
        with lock.acquire("warm", "bench", 10.0):
            pass
