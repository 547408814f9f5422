"""What is not graded, and why, from the counts that the warehouse gives."""

from __future__ import annotations

from grading.coverage import UNGRADED_REASONS, coverage_of

COUNTS = {
    "causes": "gradable 15 0,no_box_score_for_game 3 3,no_box_score_for_player 2 2,inactive 4 0,invalidated 3 0,"
    "line_source 2 0,no_line 1 0",
    "silent_systems": None,
    "silent_games": "20240115_AAA_BBB",
}


def test_every_prediction_is_graded_or_has_one_reason() -> None:
    """A key that counts is graded or waits for its box score; what else counts is superseded by one of these."""
    coverage = coverage_of(COUNTS, graded_keys=12)
    assert (coverage.gradable, coverage.with_box_score) == (17, 12)
    assert coverage.share == 12 / 17
    assert tuple(coverage.ungraded) == UNGRADED_REASONS
    assert (coverage.ungraded["no_box_score_for_game"], coverage.ungraded["no_box_score_for_player"]) == (3, 2)
    assert coverage.ungraded["superseded"] == 3
    assert coverage.with_box_score + sum(coverage.ungraded.values()) == coverage.predictions


def test_predictions_taken_away_meanwhile_are_not_counted_as_less_than_none() -> None:
    coverage = coverage_of({**COUNTS, "causes": None}, graded_keys=12)
    assert coverage.ungraded["superseded"] == 0
    assert "-" not in coverage.ungraded_text
