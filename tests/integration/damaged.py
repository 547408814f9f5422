"""Tables for the tests of upkeep, made in the warehouse: nothing is loaded from Python."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from google.cloud import bigquery

from grading.settings import Settings
from grading.wiring import Application
from tests.fakes import WallClock

TODAY = date(2026, 1, 20)
NOON = WallClock(datetime(2026, 1, 20, 17, tzinfo=UTC))


def at_terminal(monkeypatch: pytest.MonkeyPatch, _command: str, application: Application) -> None:
    """Let the commands of the CLI use this application."""
    monkeypatch.setattr(sys.modules["grading.cli.output"], "application_for_terminal", lambda *_: application)


def execute(client: bigquery.Client, sql: str) -> None:
    """Run one statement."""
    client.query_and_wait(sql, api_timeout=60, retry=None, job_retry=None)


def count(client: bigquery.Client, sql: str) -> int:
    """The single number that a query answers."""
    (row,) = client.query_and_wait(sql, api_timeout=60, retry=None, job_retry=None)
    return int(row[0] or 0)


def graded_weeks(client: bigquery.Client, settings: Settings, *, days: int = 36, players: int = 40) -> None:
    """Predictions, box scores and grades of the `days` dates up to today: three systems, all as it should be.

    Every eighth prediction has no line. Today is predicted and not yet played.
    """
    predictions = settings.input_table("predictions_table")
    first = TODAY - timedelta(days=days - 1)
    execute(
        client,
        f"""
        INSERT INTO `{predictions}` (
          prediction_id, system_id, player_lookup, game_id, game_date, predicted_points, confidence_score,
          recommendation, current_points_line, has_prop_line, line_source, is_actionable, is_active, created_at)
        SELECT
          CONCAT('p', CAST(i AS STRING), '-', s, '-', CAST(d AS STRING)), s, CONCAT('player', CAST(i AS STRING)),
          'game', d, CAST(12 AS NUMERIC), CAST(0.7 AS NUMERIC),
          IF(MOD(i, 8) = 0, 'NO_LINE', IF(MOD(i, 3) = 0, 'UNDER', 'OVER')),
          IF(MOD(i, 8) = 0, NULL, CAST(10.5 AS NUMERIC)), MOD(i, 8) != 0,
          IF(MOD(i, 8) = 0, 'NO_PROP_LINE', 'ODDS_API'), TRUE, TRUE, TIMESTAMP(d)
        FROM UNNEST(GENERATE_DATE_ARRAY(DATE '{first}', DATE '{TODAY}')) AS d,
          UNNEST(GENERATE_ARRAY(1, {players})) AS i,
          UNNEST(['alpha', 'beta', 'gamma']) AS s
        """,
    )
    execute(
        client,
        f"""
        INSERT INTO `{settings.input_table("box_scores_table")}` (
          player_lookup, game_id, game_date, team_abbr, opponent_team_abbr, minutes_played, points, is_dnp)
        SELECT CONCAT('player', CAST(i AS STRING)), 'game', d, 'AAA', 'BBB', CAST(30 AS NUMERIC),
          IF(MOD(i, 3) = 0, 9, 13), FALSE
        FROM UNNEST(GENERATE_DATE_ARRAY(DATE '{first}', DATE '{TODAY - timedelta(days=1)}')) AS d,
          UNNEST(GENERATE_ARRAY(1, {players})) AS i
        """,
    )
    execute(
        client,
        f"""
        INSERT INTO `{settings.target("prediction_accuracy")}` (
          player_lookup, game_id, game_date, system_id, predicted_points, confidence_score, recommendation, line_value,
          actual_points, minutes_played, absolute_error, prediction_correct, line_source, is_voided, graded_at, run_id,
          rules_version)
        SELECT p.player_lookup, p.game_id, p.game_date, p.system_id, p.predicted_points, p.confidence_score,
          p.recommendation, p.current_points_line, b.points, b.minutes_played, ABS(p.predicted_points - b.points),
          IF(p.current_points_line IS NULL, NULL, TRUE), p.line_source, FALSE,
          TIMESTAMP_ADD(TIMESTAMP(p.game_date), INTERVAL 30 HOUR), 'made', '{settings.rules_version}'
        FROM `{predictions}` AS p
        JOIN `{settings.input_table("box_scores_table")}` AS b USING (player_lookup, game_id, game_date)
        """,
    )


def grades_with_copies(client: bigquery.Client, settings: Settings, day: date, *, keys: int, excess: int) -> None:
    """A damaged date: `keys` business keys, every seventh without a line, and `excess` later copies of some.

    Copy number c of a key was graded c hours after the first, by another run.
    """
    execute(
        client,
        f"""
        INSERT INTO `{settings.target("prediction_accuracy")}` (
          player_lookup, game_id, game_date, system_id, line_value, predicted_points, actual_points, confidence_score,
          recommendation, graded_at, run_id, fence_token)
        SELECT
          CONCAT('player', CAST(DIV(k, 6) AS STRING)), 'game', DATE '{day}',
          CONCAT('system', CAST(MOD(k, 6) AS STRING)),
          IF(MOD(k, 7) = 0, NULL, CAST(10.5 AS NUMERIC)), CAST(MOD(k, 40) AS NUMERIC), MOD(k, 37), CAST(0.5 AS NUMERIC),
          'OVER',
          TIMESTAMP_ADD(TIMESTAMP '{day} 12:00:00+00:00', INTERVAL copy * 3600 + MOD(k, 60) SECOND),
          CONCAT('run', CAST(copy AS STRING)), NULL
        FROM (
          SELECT MOD(i, {keys}) AS k, DIV(i, {keys}) AS copy FROM UNNEST(GENERATE_ARRAY(0, {keys + excess - 1})) AS i
        )
        """,
    )
