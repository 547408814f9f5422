"""The storm's dates: few rows, whose predicted points are the version of the data that they came from.

Each event's publisher first raises the version of its date, as new predictions would. So a reader can tell from
the rows alone how new the data is that it sees.
"""

from __future__ import annotations

from datetime import date, timedelta

from google.cloud import bigquery

from grading.settings import Settings
from tests.faults.storm.plan import DATES
from tests.integration.slate import load_day
from warehouse.statements import Sql, dates_list

PLAYERS = 20
DAYS = [date(2024, 1, 15) + timedelta(days=n) for n in range(DATES)]
_CALL_SECONDS = 30


def fill(client: bigquery.Client, settings: Settings) -> None:
    """Predictions and box scores of every date, in version 1."""
    for day in DAYS:
        load_day(client, settings, day, PLAYERS)
        set_version(client, settings, day, 1)


def set_version(client: bigquery.Client, settings: Settings, day: date, version: int) -> None:
    """New predictions for a date, all at once."""
    predictions = settings.input_table("predictions_table")
    client.query_and_wait(
        f"UPDATE `{predictions}` SET predicted_points = {version} WHERE game_date = DATE '{day}'",
        api_timeout=_CALL_SECONDS,
    )


def copy_rows(client: bigquery.Client, settings: Settings, day: date) -> None:
    """What a writer that knows neither lock nor fence leaves: some rows twice."""
    target = settings.target("prediction_accuracy")
    client.query_and_wait(
        f"INSERT INTO `{target}` SELECT * FROM `{target}` "
        f"WHERE game_date = DATE '{day}' AND player_lookup IN ('player0001', 'player0002', 'player0003')",
        api_timeout=_CALL_SECONDS,
    )


def delete_rows(client: bigquery.Client, settings: Settings, day: date) -> None:
    """What someone deletes who knows neither lock nor fence: half of a date."""
    target = settings.target("prediction_accuracy")
    client.query_and_wait(
        f"DELETE FROM `{target}` WHERE game_date = DATE '{day}' AND player_lookup > 'player0010'",
        api_timeout=_CALL_SECONDS,
    )


COLUMNS = (
    "player_lookup",
    "game_id",
    "game_date",
    "system_id",
    "line_value",
    "predicted_points",
    "graded_at",
    "box_score_game_id",
    "box_scores_differ",
    "confidence_out_of_range",
)
"""Of `select_rows`."""


def select_rows(settings: Settings, *days: date) -> Sql:
    """Graded rows without the grading rules, which have tests of their own and take most of a run's time here."""
    predictions = settings.input_table("predictions_table")
    return Sql(
        f"SELECT player_lookup, game_id, game_date, system_id, current_points_line AS line_value, "
        f"predicted_points, CURRENT_TIMESTAMP() AS graded_at, game_id AS box_score_game_id, "
        f"FALSE AS box_scores_differ, FALSE AS confidence_out_of_range "
        f"FROM `{predictions}` WHERE game_date IN ({dates_list(days)})"
    )
