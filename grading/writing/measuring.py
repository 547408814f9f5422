"""What was staged for each date, counted before any reader sees it, beside what the date has and what was to grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from foundation import figures
from foundation.errors import StatementRefused
from grading.batch import Batch
from grading.coverage import coverage_of
from grading.outcome import Coverage, KeyChange, SecondChoices
from grading.writing.adapt import holds_values
from grading.writing.input_state import counted, note_counts
from grading.writing.staging import Staged
from warehouse.statements import Folder, Sql, columns, table

SQL = Folder("grading.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What was staged for a date, beside what it has and, for graded rows, what there was to grade.

    `rows_with_null` are the staged rows that the table cannot hold, as a column that it requires is NULL.
    """

    staged_rows: int
    staged_keys: int
    duplicate_keys: int
    present_rows: int
    present_keys: int
    keys: KeyChange
    rows_with_null: int = 0
    second_choices: SecondChoices = field(default_factory=SecondChoices)
    coverage: Coverage | None = None


def measure(batch: Batch, staged: Staged) -> Mapping[date, Measure]:
    """Count what was staged, by date and in one query. Raises `StatementRefused` if a row belongs to another date."""
    values = {**batch.values(), "staging": table(staged.table)}
    statement = SQL.fill("measure_staging", **values)
    if staged.rules is not None:
        coverage = SQL.fill("coverage", **{**values, **staged.rules})
        statement = SQL.fill("measure_graded", **values, measured=statement, coverage=coverage)
    lacks = lacks_required(batch, staged)
    job = batch.jobs.ask(
        "measure", SQL.fill("measure_found", **values, **counted(batch), measured=statement, lacks_required=lacks)
    )
    counts = {row["day"]: row for row in job.rows}
    if off := job.first["rows_off_date"]:
        raise StatementRefused(
            f"{off} staged rows of {batch.processor.name} do not belong to {batch.name}: "
            f"nothing was published; check grading/sql/{batch.processor.name}.sql"
        )
    for run in batch:
        run.trace.measured(job)
        run.trace.found(counts[run.date]["found_run_id"], counts[run.date]["found_token"])
        note_counts(run, counts[run.date])
    return {run.date: _measured(staged, counts[run.date]) for run in batch}


def _measured(staged: Staged, found: Mapping[str, Any]) -> Measure:
    counts: Mapping[str, Any] = {
        name: 0 if value is None and name in _COUNTS else value for name, value in found.items()
    }
    return Measure(
        **{name: counts[name] for name in _MEASURED},
        keys=KeyChange(
            added=counts["keys_added"], removed=counts["keys_removed"], removed_names=_names(counts["removed_keys"])
        ),
        second_choices=_second_choices(counts) if staged.rules is not None else SecondChoices(),
        coverage=coverage_of(counts, counts["staged_keys"]) if staged.rules is not None else None,
    )


_MEASURED = ("staged_rows", "staged_keys", "duplicate_keys", "present_rows", "present_keys", "rows_with_null")
# They are NULL for a date that has nothing to count.
_COUNTS = frozenset(
    {*_MEASURED, "keys_added", "keys_removed", "box_scores_differing", "game_ids_differing", "confidence_out_of_range"}
)


def lacks_required(batch: Batch, staged: Staged) -> Sql:
    """A condition: whether a staged row lacks a value that the target's column requires."""
    target = batch.jobs.warehouse.described(batch.target, deadline=batch.deadline)
    names = {name.lower() for name in staged.columns}
    required = [c.name for c in target.columns if c.required and c.name.lower() in names] if target else []
    return Sql(" OR ".join(f"{columns([name])} IS NULL" for name in required) or "FALSE")


def lost_values(batch: Batch, staged: Staged) -> Mapping[date, int]:
    """The rows of each date whose values in `carried` columns the publish would lose: their keys are not staged."""
    statement = SQL.fill(
        "lost_values", staging=table(staged.table), holds_values=holds_values(staged.carried), **batch.values()
    )
    return {row["day"]: int(row["lost_rows"]) for row in batch.jobs.ask("lost", statement).rows}


def _second_choices(counts: Mapping[str, Any]) -> SecondChoices:
    return SecondChoices(
        box_scores=counts["box_scores_differing"],
        game_ids=counts["game_ids_differing"],
        confidences=counts["confidence_out_of_range"],
        box_score_names=_names(counts["differing_box_scores"]),
        game_id_names=_names(counts["differing_game_ids"]),
    )


def _names(lines: str | None) -> tuple[str, ...]:
    return tuple(sorted(map(figures.trimmed, lines.split("\n")))) if lines else ()
