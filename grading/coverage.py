"""What there was to grade on a date, and why the rest is not graded."""

from __future__ import annotations

from collections.abc import Mapping

from grading.outcome import Coverage

UNGRADED_REASONS = (
    "no_box_score_for_game",
    "no_box_score_for_player",
    "inactive",
    "invalidated",
    "line_source",
    "no_line",
    "placeholder_line",
    "superseded",
)


def coverage_of(counts: Mapping[str, int], graded_keys: int) -> Coverage:
    """The coverage from the row of `coverage.sql`, and the number of business keys that were graded.

    Of the predictions that count, one a key is gradable: the others are superseded. The counts are a moment younger
    than the grades: where predictions were taken away meanwhile, none is.
    """
    gradable = graded_keys + counts["waiting"]
    found = {
        **counts,
        "no_box_score_for_player": counts["waiting_for_player"],
        "no_box_score_for_game": counts["waiting"] - counts["waiting_for_player"],
        "superseded": max(0, counts["counting"] - gradable),
    }
    return Coverage(
        predictions=counts["predictions"],
        gradable=gradable,
        with_box_score=graded_keys,
        ungraded={reason: found[reason] for reason in UNGRADED_REASONS},
    )
