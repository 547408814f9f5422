"""How a run ended, in the words that an operator reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from validation.duplicates import DuplicateReport


class Status(StrEnum):
    """What became of one processor's run for one date. A repair computed nothing: it rewrote the rows of an
    earlier run, so a date is not graded by one."""

    SUCCESS = "success"
    PARTIAL = "partial"
    NO_PREDICTIONS = "no_predictions"
    NO_ACTUALS = "no_actuals"
    SHRUNK = "shrunk"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    REPAIRED = "repaired"

    @property
    def published(self) -> bool:
        """Whether this run's own rows are in the table."""
        return self in (Status.SUCCESS, Status.PARTIAL, Status.REPAIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What there was to grade on a date: each prediction is gradable, or counts under one reason."""

    predictions: int = 0
    gradable: int = 0
    with_box_score: int = 0
    ungraded: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The part of the gradable predictions that has a box score, from 0 to 1."""
        return self.with_box_score / self.gradable if self.gradable else 0.0

    @property
    def ungraded_text(self) -> str:
        """The reasons that occur, in one line."""
        counted = ", ".join(f"{reason} {count}" for reason, count in self.ungraded.items() if count)
        return f"ungraded: {counted}" if counted else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One processor's run for one date. Durations in milliseconds; `token` is the published data token.

    `repeat` says that the event had published the date before: it was delivered again, and cost no work.
    """

    processor: str
    date: date
    status: Status
    run_id: str
    token: int | None = None
    rows_inserted: int = 0
    rows_deleted: int = 0
    staged_keys: int = 0
    staged_duplicate_keys: int = 0
    staged_excess_rows: int = 0
    present_keys: int = 0
    duplicates: DuplicateReport | None = None
    coverage: Coverage | None = None
    locked: bool = True
    lock_wait_ms: int = 0
    duration_ms: int = 0
    detail: str = ""
    transient: bool = False
    repeat: bool = False
