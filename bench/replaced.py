"""The design that this project replaces, written plainly: fetch the date, grade row by row in Python, load it back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from google.cloud import bigquery

from grading.processors import GRADING
from grading.settings import Settings
from localdev.naive import delete_then_load

Row = Mapping[str, Any]

_CALL_SECONDS = 300.0
_KNOWN_OUT = ("OUT", "DOUBTFUL")
_LATE = ("QUESTIONABLE", "PROBABLE")

_PREDICTIONS = """
SELECT * FROM `{table}`
WHERE game_date = '{day}' AND is_active AND invalidation_reason IS NULL
  AND ((line_source IN ('ACTUAL_PROP', 'ODDS_API', 'BETTINGPROS')
        AND current_points_line IS NOT NULL AND current_points_line != 20)
       OR line_source = 'NO_PROP_LINE')
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY player_lookup, game_id, system_id, current_points_line
  ORDER BY created_at DESC, prediction_id DESC) = 1
"""


def fetch_grade_and_load(client: bigquery.Client, settings: Settings, day: date) -> None:
    """Grade a date as the replaced system did: three queries, a DELETE, a load job and a check for duplicates."""
    predictions = _rows(client, _PREDICTIONS.format(table=settings.input_table("predictions_table"), day=day))
    box_scores = {
        (row["player_lookup"], row["game_id"]): row
        for row in _rows(
            client, f"SELECT * FROM `{settings.input_table('box_scores_table')}` WHERE game_date = '{day}'"
        )
    }
    reports = _rows(
        client,
        f"SELECT * FROM `{settings.input_table('injury_report_table')}` WHERE game_date = '{day}' "
        "ORDER BY report_date, report_hour",
    )
    reported = {row["player_lookup"]: row["injury_status"] for row in reports}
    graded_at = datetime.now(UTC)
    graded = []
    for prediction in predictions:
        box_score = box_scores.get((prediction["player_lookup"], prediction["game_id"]))
        if box_score is not None:
            graded.append(grade(prediction, box_score, reported.get(prediction["player_lookup"]), graded_at))
    target = settings.target(GRADING.name)
    delete_then_load(client, target, day, graded)
    keys = ", ".join(GRADING.business_key)
    duplicates = _rows(
        client, f"SELECT {keys}, COUNT(*) FROM `{target}` WHERE game_date = '{day}' GROUP BY {keys} HAVING COUNT(*) > 1"
    )
    if duplicates:
        print(f"{len(duplicates)} duplicate keys", file=sys.stderr)


def grade(prediction: Row, box_score: Row, reported_status: str | None, graded_at: datetime) -> dict[str, Any]:
    """One graded row."""
    points, line = box_score["points"], prediction["current_points_line"]
    minutes = box_score["minutes_played"]
    predicted = prediction["predicted_points"]
    voided = bool(box_score["is_dnp"]) or points is None or (points == 0 and not minutes)
    error = None if points is None or predicted is None else predicted - points
    margin = None if points is None or line is None else points - line
    confidence = prediction["confidence_score"]
    if confidence is not None:
        confidence = (confidence / 100 if confidence > 1 else confidence).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    correct = None
    if not voided and margin:
        correct = {"OVER": margin > 0, "UNDER": margin < 0}.get(prediction["recommendation"])
    return {
        "player_lookup": prediction["player_lookup"],
        "game_id": prediction["game_id"],
        "game_date": prediction["game_date"],
        "system_id": prediction["system_id"],
        "team_abbr": box_score["team_abbr"],
        "opponent_team_abbr": box_score["opponent_team_abbr"],
        "predicted_points": predicted,
        "confidence_score": confidence,
        "confidence_decile": None if confidence is None else min(10, int(confidence * 10) + 1),
        "recommendation": prediction["recommendation"],
        "line_value": line,
        "pace_adjustment": prediction["pace_adjustment"],
        "similarity_sample_size": prediction["similar_games_count"],
        "actual_points": points,
        "minutes_played": minutes,
        "absolute_error": None if error is None else abs(error),
        "signed_error": error,
        "prediction_correct": correct,
        "predicted_margin": None if predicted is None or line is None else predicted - line,
        "actual_margin": margin,
        "within_3_points": None if error is None else abs(error) <= 3,
        "within_5_points": None if error is None else abs(error) <= 5,
        "has_prop_line": prediction["has_prop_line"] is not False,
        "line_source": prediction["line_source"],
        "estimated_line_value": prediction["estimated_line_value"],
        "is_actionable": prediction["is_actionable"] is not False,
        "filter_reason": prediction["filter_reason"],
        "is_voided": voided,
        **_void(prediction, reported_status, voided=voided),
        "model_version": prediction["model_version"],
        "graded_at": graded_at,
    }


def _void(prediction: Row, reported_status: str | None, *, voided: bool) -> dict[str, Any]:
    status, flag = prediction["injury_status_at_prediction"], prediction["injury_flag_at_prediction"]
    captured = status is not None or flag is not None
    status = status if captured else reported_status
    status = status.upper() if voided and status else None
    expected = status in _KNOWN_OUT or status in _LATE
    flagged = voided and (bool(flag) if captured else expected)
    reason = None
    if voided:
        reason = "dnp_unknown"
        if flagged and expected:
            reason = "dnp_injury_confirmed" if status in _KNOWN_OUT else "dnp_late_scratch"
    return {
        "void_reason": reason,
        "pre_game_injury_flag": flagged,
        "pre_game_injury_status": status,
        "injury_confirmed_postgame": flagged and expected,
    }


def _rows(client: bigquery.Client, sql: str) -> list[dict[str, Any]]:
    found = client.query(sql, timeout=_CALL_SECONDS).result(timeout=_CALL_SECONDS)
    return [dict(row.items()) for row in found]
