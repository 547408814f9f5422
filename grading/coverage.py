"""What there was to grade on a date, and why the rest is not graded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grading.outcome import Coverage

# A box score that would be graded, were it there; a player who is listed as out has none to wait for.
WAITING = ("no_box_score_for_game", "no_box_score_for_player", "game_id_differs", "game_not_played")
UNGRADED_REASONS = (
    *WAITING,
    "listed_out",
    "made_after_game",
    "inactive",
    "invalidated",
    "line_source",
    "no_line",
    "placeholder_line",
    "superseded",
)


def coverage_of(counts: Mapping[str, Any], graded_keys: int) -> Coverage:
    """The coverage from the row of `coverage.sql`, and the number of business keys that were graded.

    Of the predictions that count, one a bet is gradable: the others are superseded. The counts are a moment younger
    than the grades: where predictions were taken away meanwhile, none is.
    """
    gradable = graded_keys + sum(counts[reason] for reason in WAITING)
    without = counts["listed_out"] + counts["made_after_game"]
    found = {**counts, "superseded": max(0, counts["counting"] - gradable - without)}
    return Coverage(
        predictions=counts["predictions"],
        gradable=gradable,
        with_box_score=graded_keys,
        ungraded={reason: found[reason] for reason in UNGRADED_REASONS},
        silent_systems=counts["silent_systems"] or "",
        silent_games=counts["silent_games"] or "",
    )
