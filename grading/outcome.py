"""How a run ended, in the words that an operator reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from validation.duplicates import DuplicateReport


class Status(StrEnum):
    """What became of one processor's run for one date. A repair computed nothing: it rewrote the rows of an
    earlier run, so a date is not graded by one. `rows_missing` was published, and is not all there."""

    SUCCESS = "success"
    PARTIAL = "partial"
    NO_PREDICTIONS = "no_predictions"
    NO_ACTUALS = "no_actuals"
    SHRUNK = "shrunk"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    ROWS_MISSING = "rows_missing"
    REPAIRED = "repaired"

    @property
    def published(self) -> bool:
        """Whether this run's own rows are in the table."""
        return self in (Status.SUCCESS, Status.PARTIAL, Status.REPAIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What there was to grade on a date: each prediction is gradable, or counts under one reason.

    `silent_systems` and `silent_games` name those with predictions to grade and not one grade, up to 20 in one line.
    """

    predictions: int = 0
    gradable: int = 0
    with_box_score: int = 0
    ungraded: Mapping[str, int] = field(default_factory=dict)
    silent_systems: str = ""
    silent_games: str = ""

    @property
    def share(self) -> float:
        """The part of the gradable predictions that has a box score, from 0 to 1."""
        return self.with_box_score / self.gradable if self.gradable else 0.0

    @property
    def ungraded_text(self) -> str:
        """The reasons that occur, in one line."""
        counted = ", ".join(f"{reason} {count}" for reason, count in self.ungraded.items() if count)
        named = (("games", self.silent_games), ("systems", self.silent_systems))
        silent = "".join(f"; {what} without a grade: {names}" for what, names in named if names)
        return f"ungraded: {counted}{silent}" if counted else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """The business keys that a publish adds to a date, and those that it takes away; up to 20 of these by name."""

    added: int = 0
    removed: int = 0
    removed_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondChoices:
    """What could only be graded by a second choice, with up to 20 names each.

    `box_scores` are players of a game whose box scores differ, `game_ids` grades by a box score of another id, and
    `confidences` grades whose confidence was out of range.
    """

    box_scores: int = 0
    game_ids: int = 0
    confidences: int = 0
    box_score_names: Sequence[str] = ()
    game_id_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a write ended: `status` is success (or what the caller asked to record), partial, shrunk, superseded,
    or, if nothing was staged, no_actuals (there are predictions to grade) or no_predictions.

    `token` is the published data token; `present_rows` and `present_keys` are what the date had before. `lost_rows`
    are those whose values would have been lost; `detail` says so.
    """

    status: Status
    token: int | None = None
    coverage: Coverage | None = None
    staged_keys: int = 0
    staged_duplicate_keys: int = 0
    staged_excess_rows: int = 0
    present_rows: int = 0
    present_keys: int = 0
    keys: KeyChange = field(default_factory=KeyChange)
    second_choices: SecondChoices = field(default_factory=SecondChoices)
    lost_rows: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One processor's run for one date. Durations in milliseconds; `written` is what became of its write.

    `repeat` says that the event had published the date before: it was delivered again, and cost no work. `unknown` says
    that it failed in a way that nobody has foreseen.
    """

    processor: str
    date: date
    status: Status
    run_id: str
    written: Written | None = None
    duplicates: DuplicateReport | None = None
    locked: bool = True
    lock_wait_ms: int = 0
    duration_ms: int = 0
    detail: str = ""
    transient: bool = False
    unknown: bool = False
    repeat: bool = False

    @property
    def token(self) -> int | None:
        """The data token that was published, if one was."""
        return self.written.token if self.written else None

    @property
    def coverage(self) -> Coverage | None:
        """What there was to grade, for a processor that reads predictions."""
        return self.written.coverage if self.written else None

    @property
    def rows_inserted(self) -> int:
        """The rows that were published; 0 if nothing was."""
        return self.written.staged_keys if self.written and self.status.published else 0

    @property
    def rows_deleted(self) -> int:
        """The rows that the publish replaced; 0 if nothing was published."""
        return self.written.present_rows if self.written and self.status.published else 0
