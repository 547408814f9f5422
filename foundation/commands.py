"""The commands that alerts, errors and reports name, in one place, so that a test can hold them to the CLI.

Each runs as it stands: it asks nothing and leaves nothing to fill in. Those that change nothing are what to look at;
the others mend.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

Day = date | str
"""A date, or its ISO text."""

CATCH_UP = "python -m grading catch-up"
CHECK = "python -m grading check"
INIT = "python -m grading init"
LOCKS = "python -m grading locks"
STATUS = "python -m grading status"
UNDO = "python -m grading undo"
UNFINISHED = "python -m grading backfill --unfinished"

_READS = re.compile(
    r"python -m grading (status|check|ungraded|locks|dedupe|undo|staging|accuracy|explain|diff|report)\b"
)
_CHANGES = re.compile(r" (--execute|--grade|release|check --alert)\b|locks check")


def only_looks(command: str) -> bool:
    """Whether a command only reads: it shows the cause, and mends nothing."""
    return (bool(_READS.match(command)) and not _CHANGES.search(command)) or command.endswith(
        (" --unfinished", " --dry-run")
    )


def label(command: str) -> str:
    """What stands above a command: it says whether to look or to mend."""
    return "Look at first" if only_looks(command) else "Next command"


def grade(day: Day, *, processor: str | None = None, allow_shrink: bool = False) -> str:
    """Grade a date, with all processors or one; `allow_shrink` also if it then has fewer keys, or loses values."""
    chosen = f" --processor {processor}" if processor else ""
    return f"python -m grading grade --date {day}{chosen}{' --allow-shrink' if allow_shrink else ''}"


def status(day: Day | None = None) -> str:
    """The runs of a date, or the last ones of any."""
    return f"{STATUS} --date {day}" if day else STATUS


def after_failure(day: Day | None, error: str) -> str:
    """What mends a failed run: the command that its error names, else its runs, which say why."""
    return INIT if INIT in error else status(day)


def release_lock(lock_key: Day, lock_type: str) -> str:
    """Release a lock by force, after showing its holder and a question."""
    return f"python -m grading locks release {lock_key} --type {lock_type}"


def dedupe(table: str, start: Day | None = None, end: Day | None = None, *, merge_differing: bool = False) -> str:
    """Repair duplicates of the dates from `start` to `end`, each open if it is None.

    `table` may carry its dataset, which the command does not take.
    """
    words = [f"python -m grading dedupe --table {table.rpartition('.')[2]}"]
    words += [f"--start {start}"] if start else []
    words += [f"--end {end}"] if end else []
    return " ".join([*words, *(["--merge-differing"] if merge_differing else []), "--execute"])


def undo(backup: str) -> str:
    """Put back what a repair changed, from its backup, by the backup's short name."""
    return f"{UNDO} {backup} --execute"


def recompute(start: Day, end: Day, processors: Sequence[str] = (), *, everything: bool = False) -> str:
    """Bring aggregates up to date, all or those of some processors; `everything` also those that are up to date."""
    chosen = "".join(f" --processor {name}" for name in processors)
    return f"python -m grading recompute --start {start} --end {end}{chosen}{' --all' if everything else ''}"


def preview(day: Day) -> str:
    """What a date has to grade now, without grading it: to be compared with what it holds."""
    return f"{backfill(day, day)} --dry-run"


def ungraded(start: Day, end: Day | None = None) -> str:
    """Predictions without a grade, by cause."""
    return f"python -m grading ungraded --start {start} --end {end or start}"


def accuracy(last: int) -> str:
    """How well each system predicted in the last dates."""
    return f"python -m grading accuracy --last {last}"


def backfill(start: Day, end: Day, processors: Sequence[str] = ()) -> str:
    """Grade dates; with all processors, if none is named."""
    chosen = "".join(f" --processor {name}" for name in processors)
    return f"python -m grading backfill --start {start} --end {end}{chosen}"


def resume_backfill(start: Day, end: Day, processors: Sequence[str] = ()) -> str:
    """Go on with a backfill where it stopped; of all processors, if none is named."""
    return f"{backfill(start, end, processors)} --resume"


def explain(day: Day) -> str:
    """The story of a date."""
    return f"python -m grading explain {day}"
