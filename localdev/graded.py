"""The graded rows of a date: read, summed up, and written as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from grading.processors import GRADING
from warehouse.statements import TablePath

GradedRow = Mapping[str, Any]

# What differs between two runs that grade the same.
# When and by which run a row was graded, by which rules, and what was found on the way: not the grade itself.
RUN_COLUMNS = (
    "graded_at",
    "run_id",
    "fence_token",
    "rules_version",
    "box_score_game_id",
    "box_scores_differ",
    "confidence_out_of_range",
)

_CALL_SECONDS = 60.0


def read_graded(client: bigquery.Client, table: TablePath, day: date) -> list[GradedRow]:
    """The rows of a date, sorted by business key (a NULL line first), with the table's columns in order."""
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("day", "DATE", day)])
    found = client.query_and_wait(
        f"SELECT * FROM `{table}` WHERE game_date = @day",
        job_config=config,
        api_timeout=_CALL_SECONDS,
        wait_timeout=_CALL_SECONDS,
    )
    return sorted((dict(row.items()) for row in found), key=business_key)


def business_key(row: GradedRow) -> tuple[tuple[bool, Any], ...]:
    """What makes a row unique, in an order that has a place for NULL."""
    return tuple((row[column] is not None, row[column]) for column in GRADING.business_key)


def same_grades(ours: Sequence[GradedRow], theirs: Sequence[GradedRow]) -> bool:
    """Whether two readings grade the same: every row equal but for when and by which run."""

    def grades(row: GradedRow) -> dict[str, Any]:
        return {column: value for column, value in row.items() if column not in RUN_COLUMNS}

    return list(map(grades, ours)) == list(map(grades, theirs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A date in figures. `decided` are the recommendations that were right or wrong: no push, nothing voided."""

    rows: int
    voided: int
    decided: int
    correct: int
    duplicate_keys: int
    excess_rows: int

    @property
    def accuracy(self) -> float | None:
        """The share of the decided recommendations that were right; None without any."""
        return self.correct / self.decided if self.decided else None


def summarise(rows: Sequence[GradedRow]) -> Summary:
    """Count a date's rows."""
    copies: dict[tuple[tuple[bool, Any], ...], int] = {}
    for row in rows:
        copies[business_key(row)] = copies.get(business_key(row), 0) + 1
    return Summary(
        rows=len(rows),
        voided=sum(row["is_voided"] is True for row in rows),
        decided=sum(row["prediction_correct"] is not None for row in rows),
        correct=sum(row["prediction_correct"] is True for row in rows),
        duplicate_keys=sum(count > 1 for count in copies.values()),
        excess_rows=len(rows) - len(copies),
    )


def write_csv(path: Path, rows: Sequence[GradedRow]) -> None:
    """Write rows with their column names: empty for NULL, true and false, numbers without trailing zeros."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value.normalize():f}" if value else "0"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
