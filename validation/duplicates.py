"""The business-key check: no key may have two rows, and NULL is a value like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from foundation.errors import GradingError
from warehouse.job_end import JobResult
from warehouse.statements import Folder, Sql, literal

SQL = Folder("validation.sql")

Ask = Callable[[str, Sql], JobResult]
"""Runs a statement as a step of the caller's work, and returns its rows."""


@dataclass(frozen=True, slots=True)
class DuplicateSample:
    """One business key with more than one row: its parts as text (None: NULL) and when the rows were written."""

    key: Mapping[str, str | None]
    copies: int
    written_at: str

    def __str__(self) -> str:
        parts = ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in self.key.items())
        return f"{parts}: {self.copies} rows, written {self.written_at}"


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What a date holds: its rows, its distinct keys, keys with several rows, and up to 20 of those.

    `open_findings` counts earlier findings of the date in the audit that are not resolved; `fence_run_id` is the run
    that published the date last, read in the same moment as the rows.
    """

    total_rows: int = 0
    distinct_keys: int = 0
    duplicate_keys: int = 0
    samples: Sequence[DuplicateSample] = ()
    open_findings: int = 0
    fence_run_id: str | None = None

    @property
    def excess_rows(self) -> int:
        """The rows that would go if each key kept one."""
        return self.total_rows - self.distinct_keys

    @property
    def clean(self) -> bool:
        return self.duplicate_keys == 0


def find_duplicates(ask: Ask, values: Mapping[str, Sql], key: Sequence[str]) -> Mapping[date, DuplicateReport]:
    """Count the business keys of some dates, with samples for a date of which a key has several rows.

    Args:
        ask: runs the statements.
        values: what the statements are filled with: target, dates, business key and audit table.
        key: the columns of the business key within a date.

    Raises what `ask` raises, but not if only the samples cannot be had: duplicates are reported without them.
    """
    return {
        counts["day"]: DuplicateReport(
            **{name: count for name, count in counts.items() if name != "day"},
            samples=_samples(ask, {**values, "date": literal(counts["day"])}, key) if counts["duplicate_keys"] else (),
        )
        for counts in ask("validate", SQL.fill("validate", **values)).rows
    }


def _samples(ask: Ask, values: Mapping[str, Sql], key: Sequence[str]) -> tuple[DuplicateSample, ...]:
    try:
        rows = ask("samples", SQL.fill("duplicate_samples", **values)).rows
    except GradingError:
        return ()
    return tuple(
        DuplicateSample({name: row[name] for name in key}, row["copies"], row["written_at"] or "") for row in rows
    )
