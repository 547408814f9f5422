"""What a run notes of itself while it goes: the part of its record that only the run knows.

Moments are offsets in milliseconds from the creation of the job that staged its rows, which is a moment of the server's
clock (and the data token). What came before that job is measured on the monotonic clock of the process, what came after
on the server's: no wall clock of a client counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from grading.hold import Hold
from warehouse.job_end import JobResult
from warehouse.statements import Sql, columns, literal

_NUMBER = re.compile(r"-|\d{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputState:
    """An input when it was read: its rows of the date, and when its table was last written (None: not known).

    Args:
        table: its path.
        rows: the rows of the date, counted by the query that measures the staging.
        modified_ms: the table's last write in the server's milliseconds.
    """

    table: str
    rows: int | None = None
    modified_ms: int | None = None


@dataclass(slots=True)
class Trace:
    """Filled in by the steps of one run; of a run that stages several times it reports the last staging.

    `found_run_id` and `found_token` are what the fence held when the run looked last: what a publish replaced, or what
    superseded the run. `refused` counts the publishes that the fence refused,
    `transaction_seconds` is how long the longest one took; that of a batch is noted in its lead.
    """

    sent_at: float | None = None
    token: int | None = None
    staged_ms: int | None = None
    measured_ms: int | None = None
    found_run_id: str | None = None
    found_token: int | None = None
    refused: int = 0
    transaction_seconds: float = 0.0
    inputs: dict[str, InputState] = field(default_factory=dict)

    def staging(self, now: float) -> None:
        """A staging job is about to be sent, at `now` of the monotonic clock."""
        self.sent_at, self.token, self.staged_ms, self.measured_ms, self.inputs = now, None, None, None, {}

    def staged(self, job: JobResult) -> None:
        """The staging job has ended."""
        self.token = job.created_ms
        self.staged_ms = self._offset(job)

    def measured(self, job: JobResult) -> None:
        """What was staged has been measured."""
        self.measured_ms = self._offset(job)

    def found(self, run_id: str | None, token: int | None) -> None:
        """What the fence holds now."""
        self.found_run_id, self.found_token = run_id, token

    def _offset(self, job: JobResult) -> int | None:
        return None if job.ended_ms is None or self.token is None else job.ended_ms - self.token

    def recorded(self, hold: Hold, code_version: str) -> Mapping[str, Sql]:
        """The columns of `grading_runs` that hold this, with their values."""
        return {
            "lock_holder": literal(hold.holder_id or None),
            "waited_for": literal(hold.waited_for or None),
            "taken_over_from": literal(hold.taken_over_from or None),
            "lock_requested_ms": literal(self._before(hold.requested_at)),
            "lock_acquired_ms": literal(self._before(hold.acquired_at)),
            "staging_token": literal(self.token),
            "staged_ms": literal(self.staged_ms),
            "measured_ms": literal(self.measured_ms),
            "found_run_id": literal(self.found_run_id),
            "found_token": literal(self.found_token),
            "refused": literal(self.refused),
            "inputs": literal(inputs_text(self.inputs)),
            "code_version": literal(code_version or None),
        }

    def _before(self, moment: float | None) -> int | None:
        return None if moment is None or self.sent_at is None else round((moment - self.sent_at) * 1000)


def inputs_text(inputs: Mapping[str, InputState]) -> str | None:
    """Inputs as one line, `name table rows modified_ms; …` with `-` for what is not known; None if there are none."""
    return "; ".join(
        f"{name} {state.table} {_or_dash(state.rows)} {_or_dash(state.modified_ms)}" for name, state in inputs.items()
    ) or None  # fmt: skip


def inputs_of(text: str | None) -> Mapping[str, InputState]:
    """Inputs from such a line; what is not of this form is left out."""
    found = {}
    for part in (text or "").split("; "):
        words = part.split()
        if len(words) == 4 and all(_NUMBER.fullmatch(word) for word in words[2:]):
            rows, modified = (None if word == "-" else int(word) for word in words[2:])
            found[words[0]] = InputState(table=words[1], rows=rows, modified_ms=modified)
    return found


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def record_values(recorded: Mapping[str, Sql]) -> Mapping[str, Sql]:
    """The placeholders of the INSERTs: `recorded_columns` and `recorded`, lists separated by commas."""
    return {
        "recorded_columns": columns(recorded),
        "recorded": Sql(", ".join(value.text for value in recorded.values())),
    }
