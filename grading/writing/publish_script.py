"""The text of the transaction: one list of dates in each statement; what differs by date is an array of structs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from grading.batch import Batch
from grading.outcome import KeyChange, SecondChoices
from grading.run import SENTINEL, Run
from grading.writing.declared import declared
from grading.writing.staging import Base, Staged
from warehouse.statements import Folder, Sql, columns, literal, rows_array, table

SQL = Folder("grading.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditNote:
    """What the audit row of a published run says beyond its identity."""

    status: str
    rows_inserted: int = 0
    duplicate_keys: int = 0
    detail: str = ""
    keys: KeyChange = field(default_factory=KeyChange)
    second_choices: SecondChoices = field(default_factory=SecondChoices)


# An entry of the fence as the script takes it.
_ENTRY = {"lock_key": "STRING", "day": "DATE", "token": "INT64", "run_id": "STRING", "expected_run_id": "STRING"}


def publish_script(batch: Batch, staged: Staged, notes: Mapping[date, AuditNote], job_id: str = "") -> Sql:
    """The whole transaction as it is sent by the job of this id."""
    entries = [
        _entry(run.lock_key, run.date, staged.token_of(run.date), run.run_id, staged.bases.get(run.date, Base()).run_id)
        for run in batch
    ]
    newest = max(staged.token_of(day) for day in batch.days)
    recorded = [_recorded(run, staged, notes[run.date], job_id) for run in batch]
    values = {
        **batch.values(),
        "staging": table(staged.table),
        "entries": rows_array(_ENTRY, [_entry(SENTINEL, None, newest, batch.lead.run_id, ""), *entries]),
        **_recorded_runs(recorded),
        "covers": Sql("covering.covers" if staged.covering else "CAST(NULL AS STRING)"),
        "covering": SQL.fill("join_covering", covering=table(staged.covering)) if staged.covering else Sql(""),
    }
    staged_columns = ", ".join(f"staged.{columns([name])}" for name in staged.columns)
    values["columns"], values["selected"] = columns(staged.columns), Sql(staged_columns)
    if staged.provenance:
        values["columns"] = columns([*staged.columns, "run_id", "fence_token"])
        values["selected"] = Sql(f"{staged_columns}, {_run_id(batch)}, {staged.token}")
    values["fence_check"] = staged.fence_check.fill(**values)
    moved = staged.rows_moved.fill(**values) if staged.rows_moved else None
    values["further_check"] = SQL.fill("rows_unchanged", rows_moved=moved) if moved else Sql("")
    return SQL.fill("publish", **values)


def _run_id(batch: Batch) -> Sql:
    """The run that publishes a staged row: that of its date. No join, which could lose or repeat a row."""
    if len(batch) == 1:
        return literal(batch.only.run_id)
    of_dates = "\n".join(f"  WHEN {literal(run.date)} THEN {literal(run.run_id)}" for run in batch)
    return Sql(f"CASE staged.{columns([batch.processor.partition_column])}\n{of_dates}\nEND")


def _entry(lock_key: str, day: date | None, token: int, run_id: str, expected_run_id: str) -> list[Sql]:
    return [literal(value) for value in (lock_key, day, token, run_id, expected_run_id)]


def _recorded_runs(recorded: Sequence[Mapping[str, Sql]]) -> Mapping[str, Sql]:
    """The rows of `grading_runs` as an array, and the SELECT list over it. What is the same in all is said once."""
    first = recorded[0]
    differing = [name for name in first if name in _OF_EACH or any(row[name] != first[name] for row in recorded)]
    types = {column.name: column.type.text for column in declared("grading_runs").columns}
    selected = [f"run.{columns([name])}" if name in differing else first[name].text for name in first]
    return {
        "recorded_columns": columns(first),
        "recorded": Sql(",\n  ".join(selected)),
        "recorded_runs": rows_array(
            {name: types[name] for name in differing}, [[row[name] for name in differing] for row in recorded]
        ),
    }


_OF_EACH = ("run_id", "game_date")


def _recorded(run: Run, staged: Staged, note: AuditNote, job_id: str) -> Mapping[str, Sql]:
    """The columns of the run's row in `grading_runs` that are known before the transaction begins, and their values."""
    return {
        **run.identity(),
        "fence_token": literal(staged.token_of(run.date)),
        "rows_inserted": literal(note.rows_inserted),
        "duplicate_keys": literal(note.duplicate_keys),
        "status": literal(note.status),
        "detail": literal(note.detail),
        "keys_added": literal(note.keys.added),
        "keys_removed": literal(note.keys.removed),
        "box_scores_differing": literal(note.second_choices.box_scores),
        "game_ids_differing": literal(note.second_choices.game_ids),
        "confidence_out_of_range": literal(note.second_choices.confidences),
        "publish_job_id": literal(job_id or None),
        **run.trace.recorded(run.hold, run.settings.code_version),
    }
