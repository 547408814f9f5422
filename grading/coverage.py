"""What there was to grade on a date, and why the rest is not graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from grading.outcome import Coverage

# A box score that would be graded, were it there; a player who is listed as out has none to wait for.
WAITING = ("no_box_score_for_game", "no_box_score_for_player", "game_id_differs", "game_not_played")
_BY_BET = (*WAITING, "listed_out")
UNGRADED_REASONS = (
    *_BY_BET,
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
    than the grades: if predictions were taken away meanwhile, none is.
    """
    predictions, bets = Counter[str](), Counter[str]()
    for text in filter(None, (counts["causes"] or "").split(",")):
        cause, number, of_bets = text.split(" ")
        predictions[cause], bets[cause] = int(number), int(of_bets)
    waiting = sum(bets[cause] for cause in WAITING)
    counting = sum(predictions[cause] for cause in ("gradable", *_BY_BET))
    found = {cause: (bets if cause in _BY_BET else predictions)[cause] for cause in UNGRADED_REASONS}
    found["superseded"] = max(0, counting - graded_keys - waiting - bets["listed_out"])
    return Coverage(
        predictions=predictions.total(),
        gradable=graded_keys + waiting,
        with_box_score=graded_keys,
        ungraded=found,
        silent_systems=counts["silent_systems"] or "",
        silent_games=counts["silent_games"] or "",
    )
