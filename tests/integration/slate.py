"""Small slates for tests that are about writing, not about the grading rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from google.cloud import bigquery

from grading.settings import Settings
from localdev.load import load_rows
from localdev.slate import BOX_SCORES, PREDICTIONS, Row

GAME = "20240115_AAA_BBB"


def predictions(
    day: date, players: int, *, predicted: float = 10.0, created: str = "2024-01-15T12:00:00Z"
) -> list[Row]:
    """One gradable prediction a player."""
    return [
        {
            "prediction_id": f"p{player}-{created}",
            "system_id": "ensemble_v1",
            "player_lookup": f"player{player:04}",
            "game_id": GAME,
            "game_date": day.isoformat(),
            "predicted_points": str(predicted),
            "confidence_score": "0.8",
            "recommendation": "OVER",
            "current_points_line": "9.5",
            "has_prop_line": True,
            "line_source": "ACTUAL_PROP",
            "is_actionable": True,
            "is_active": True,
            "created_at": created,
        }
        for player in range(players)
    ]


def box_scores(day: date, players: int) -> list[Row]:
    """One box score a player."""
    return [
        {
            "player_lookup": f"player{player:04}",
            "game_id": GAME,
            "game_date": day.isoformat(),
            "team_abbr": "AAA",
            "opponent_team_abbr": "BBB",
            "minutes_played": "30",
            "points": player % 30 + 1,
            "is_dnp": False,
        }
        for player in range(players)
    ]


def load(client: bigquery.Client, settings: Settings, predicted: Sequence[Row], played: Sequence[Row]) -> None:
    """Append rows to the input tables."""
    load_rows(client, settings, PREDICTIONS, predicted)
    load_rows(client, settings, BOX_SCORES, played)


def load_day(client: bigquery.Client, settings: Settings, day: date, players: int) -> None:
    """A date on which every prediction can be graded."""
    load(client, settings, predictions(day, players), box_scores(day, players))
