"""The state of the inputs that a run reads: last writes beside the staging job, the date's rows in the measuring query.

Neither costs a job: `tables.get` is metadata, read on a thread of its own while the job runs, and what has not come by
then is recorded as unknown. A last write is read before the rows are, so that a write in between shows as newer than
what was read, never as older.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any

from foundation.errors import GradingError
from grading.batch import Batch
from grading.processors import Processor
from grading.run import Run
from grading.settings import Settings
from grading.trace import InputState
from warehouse.statements import Folder, Sql, TablePath, columns, table

SQL = Folder("grading.sql")

# How long a staged run waits for metadata that is late.
_LATE_SECONDS = 0.5
# Inputs that hold a date's rows under `game_date`; the others have no date.
_DATED = frozenset({"predictions", "box_scores", "injury_report", "accuracy"})
_SETTING = {
    "predictions": "predictions_table",
    "box_scores": "box_scores_table",
    "injury_report": "injury_report_table",
    "archetypes": "archetypes_table",
}


def input_tables(processor: Processor, settings: Settings) -> Mapping[str, TablePath]:
    """The tables that a processor's SELECT reads, by their placeholder."""
    wanted = SQL.file(processor.name).placeholders
    if processor.reads_predictions:
        wanted |= {"predictions", "box_scores", "injury_report"}
    read = {name: setting for name, setting in _SETTING.items() if name in wanted and not settings.is_without(setting)}
    paths = {name: settings.input_table(setting) for name, setting in read.items()}
    return paths | ({"accuracy": settings.target("prediction_accuracy")} if "accuracy" in wanted else {})


def input_states(run: Run) -> Mapping[str, InputState]:
    """The state of the inputs of a run's date now: one job, and metadata. Raises what `Jobs.ask` raises."""
    batch = Batch.of(run)
    LastWrites(batch).note({})
    if _countable(batch):
        note_counts(run, run.jobs.ask("inputs", SQL.fill("inputs_now", **batch.values(), **counted(batch))).first)
    return run.trace.inputs


class LastWrites:
    """Reads when each input of a batch was last written, in the background, from its construction on.

    Args:
        batch: whose inputs.
        without: tables whose last write the caller knows; see `note`.
    """

    def __init__(self, batch: Batch, without: Collection[TablePath] = ()) -> None:
        self._batch = batch
        self._found: dict[str, int | None] = {}
        self._paths = input_tables(batch.processor, batch.settings)
        self._without = without
        self._thread = threading.Thread(target=self._read, name="last-writes", daemon=True)
        self._thread.start()

    def note(self, known: Mapping[TablePath, int | None]) -> None:
        """Put what is known by now into the trace of each run: `known`, and what was read. Never raises."""
        self._thread.join(_LATE_SECONDS)
        found = {name: known[path] for name, path in self._paths.items() if path in known} | dict(self._found)
        for run in self._batch:
            # An optional input that does not exist is not read, and so not noted.
            run.trace.inputs = {
                name: InputState(table=str(path), modified_ms=found.get(name))
                for name, path in self._paths.items()
                if found.get(name, 0) != _ABSENT
            }

    def _read(self) -> None:
        for name, path in self._paths.items():
            if path in self._without:
                continue
            try:
                modified = self._batch.jobs.warehouse.modified_ms(path)
                self._found[name] = _ABSENT if modified is None else modified
            except GradingError:
                self._found[name] = None


_ABSENT = -1


def counted(batch: Batch) -> dict[str, Sql]:
    """How the measuring query counts the dates' rows in each noted input: its columns, and the tables that it joins."""
    names = _countable(batch)
    # A repair notes no inputs; its processor has no SELECT of its own.
    paths = input_tables(batch.processor, batch.settings) if names else {}
    joined = [
        SQL.fill("input_rows", **batch.values(), input=table(paths[name]), counted=columns([f"of_{name}"])).text
        for name in names
    ]
    return {
        "input_columns": Sql("".join(f",\n  IFNULL(of_{name}.input_rows, 0) AS rows_{name}" for name in names)),
        "input_rows": Sql("".join(f"\n{text}" for text in joined)),
    }


def _countable(batch: Batch) -> list[str]:
    return [name for name in batch.runs[0].trace.inputs if name in _DATED]


def note_counts(run: Run, counts: Mapping[str, Any]) -> None:
    """Put the counts of the measuring query into the run's trace."""
    for name in _countable(Batch.of(run)):
        before = run.trace.inputs[name]
        run.trace.inputs[name] = InputState(
            table=before.table, rows=counts[f"rows_{name}"], modified_ms=before.modified_ms
        )
