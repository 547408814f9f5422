"""What an aggregate covers: the grades that it was computed from, as one fingerprint.

An aggregate is due if the grades that it reads are not those that it was computed from. Clocks do not tell: the time
that a transaction gives itself is its start, so that an aggregate staged between a grading's BEGIN and its COMMIT looks
newer than the grades that it has not seen. Nor does the greatest token: a repair keeps it, and an older one can be
committed late. So the fingerprint is of every date, token and run id, and it is read before the rows are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta

from grading.processors import Processor

# Aggregates look back a season at most.
LOOK_BACK = timedelta(days=366)

Grades = tuple[date, int, str | None]
"""A date, and the data token and run id of its grades."""


def covers_grades(processor: Processor) -> bool:
    """Whether a processor's rows are computed from grades."""
    return not processor.reads_predictions


def covered(processor: Processor, day: date) -> tuple[date, date]:
    """The first and the last date of the grades that a date of an aggregate may read."""
    earliest = day - min(LOOK_BACK, day - date.min)
    return (earliest if processor.reads_earlier_dates else day), day


def fingerprint(grades: Iterable[Grades]) -> str | None:
    """The same as `grading/sql/stage_covering.sql` computes; None of no grades."""
    lines = [f"{day.isoformat()} {token} {run_id or ''}" for day, token, run_id in sorted(grades)]
    return hashlib.sha256(",".join(lines).encode()).hexdigest() if lines else None
