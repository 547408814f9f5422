"""The columns that grading reads from the tables of others: their types, and what each is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Needed:
    """A column that is read: its type, and its purpose, which completes "needed for …"."""

    type: str
    purpose: str


PREDICTIONS: Mapping[str, Needed] = {
    "prediction_id": Needed("STRING", "choosing the newest of several predictions"),
    "system_id": Needed("STRING", "the business key"),
    "player_lookup": Needed("STRING", "the business key"),
    "game_id": Needed("STRING", "the business key"),
    "game_date": Needed("DATE", "choosing the date's predictions"),
    "predicted_points": Needed("NUMERIC", "the errors of a prediction"),
    "confidence_score": Needed("NUMERIC", "the confidence and its decile"),
    "recommendation": Needed("STRING", "deciding whether a prediction was correct"),
    "current_points_line": Needed("NUMERIC", "the business key and the margins"),
    "pace_adjustment": Needed("NUMERIC", "the grade's column of the same name"),
    "similar_games_count": Needed("INT64", "the grade's similarity_sample_size"),
    "model_version": Needed("STRING", "the grade's column of the same name"),
    "has_prop_line": Needed("BOOL", "the grade's column of the same name"),
    "line_source": Needed("STRING", "deciding which predictions count"),
    "estimated_line_value": Needed("NUMERIC", "the grade's column of the same name"),
    "is_actionable": Needed("BOOL", "the grade's column of the same name"),
    "filter_reason": Needed("STRING", "the grade's column of the same name"),
    "injury_status_at_prediction": Needed("STRING", "the reason of a void"),
    "injury_flag_at_prediction": Needed("BOOL", "the reason of a void"),
    "is_active": Needed("BOOL", "deciding which predictions count"),
    "invalidation_reason": Needed("STRING", "deciding which predictions count"),
    "created_at": Needed("TIMESTAMP", "choosing the newest of several predictions"),
}

BOX_SCORES: Mapping[str, Needed] = {
    "player_lookup": Needed("STRING", "matching a prediction to its box score"),
    "game_id": Needed("STRING", "matching a prediction to its box score"),
    "game_date": Needed("DATE", "choosing the date's box scores"),
    "team_abbr": Needed("STRING", "the grade's column of the same name"),
    "opponent_team_abbr": Needed("STRING", "the grade's column of the same name"),
    "points": Needed("INT64", "the points that were scored"),
    "minutes_played": Needed("NUMERIC", "deciding whether the player played"),
    "is_dnp": Needed("BOOL", "deciding whether the player played"),
}

INJURY_REPORT: Mapping[str, Needed] = {
    "player_lookup": Needed("STRING", "matching a report to its player"),
    "game_date": Needed("DATE", "choosing the date's reports"),
    "injury_status": Needed("STRING", "the reason of a void"),
    "report_date": Needed("DATE", "choosing the newest report"),
    "report_hour": Needed("INT64", "choosing the newest report"),
}

ARCHETYPES: Mapping[str, Needed] = {
    "player_lookup": Needed("STRING", "matching an archetype to its player"),
    "archetype": Needed("STRING", "the summary's slices by archetype"),
}

INPUT_COLUMNS: Mapping[str, Mapping[str, Needed]] = {
    "predictions_table": PREDICTIONS,
    "box_scores_table": BOX_SCORES,
    "injury_report_table": INJURY_REPORT,
    "archetypes_table": ARCHETYPES,
}
"""By the setting that names the table."""
