"""The tables of a system that has run for a year: made from a description, and filled with a few dates."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from grading.settings import Settings
from tests.integration.damaged import execute
from tests.integration.slate import GAME
from warehouse.statements import TablePath

_SHARED = Path(__file__).parents[3] / "shared" / "data" / "existing_tables.json"
_OWN = Path(__file__).with_name("existing_tables.json")

Described = dict[str, Any]

SYSTEMS = ("ensemble_v1", "xgboost_v1")


def described() -> Described:
    """Columns, partition and clustering of each table, by its name: those of a true system if they are at hand."""
    found: Described = json.loads((_SHARED if _SHARED.is_file() else _OWN).read_text(encoding="utf-8"))
    return found


def paths(settings: Settings, tables: Collection[str]) -> Mapping[str, TablePath]:
    """Where each of the tables is."""
    inputs = {
        "player_prop_predictions": "predictions_table",
        "player_game_summary": "box_scores_table",
        "nbac_injury_report": "injury_report_table",
    }
    dataset = settings.target("x")
    return {name: settings.input_table(inputs[name]) if name in inputs else dataset.sibling(name) for name in tables}


def create_statement(path: TablePath, table: Mapping[str, Any]) -> str:
    """The statement that makes a table as it is described."""
    columns = ",\n  ".join(
        f"{name} {kind}{' NOT NULL' if mode == 'REQUIRED' else ''}" for name, kind, mode in table["columns"]
    )
    text = f"CREATE TABLE `{path}` (\n  {columns}\n)"
    if table.get("partition_by"):
        text += f"\nPARTITION BY {table['partition_by']}"
    if table.get("cluster_by"):
        text += f"\nCLUSTER BY {', '.join(table['cluster_by'])}"
    options = [f"require_partition_filter = {'TRUE' if table.get('require_partition_filter') else 'FALSE'}"]
    if table.get("partition_expiration_days"):
        options.append(f"partition_expiration_days = {table['partition_expiration_days']}")
    return text + f"\nOPTIONS ({', '.join(options)})"


def create(client: bigquery.Client, settings: Settings, tables: Mapping[str, Any]) -> None:
    """Make the tables and their datasets."""
    for name, path in paths(settings, tables).items():
        client.create_dataset(
            bigquery.DatasetReference(path.project, path.dataset), exists_ok=True, timeout=30, retry=None
        )
        execute(client, create_statement(path, tables[name]))


def fill_inputs(client: bigquery.Client, settings: Settings, days: Sequence[date], players: int = 6) -> None:
    """Predictions of two systems and box scores; every REQUIRED column has a value."""
    tables = paths(settings, ("player_prop_predictions", "player_game_summary"))
    for day in days:
        execute(
            client,
            f"""
            INSERT INTO `{tables["player_prop_predictions"]}` (
              prediction_id, system_id, player_lookup, game_date, game_id, prediction_version, predicted_points,
              confidence_score, recommendation, has_prop_line, current_points_line, line_source, is_active, created_at,
              is_actionable, pace_adjustment, key_factors, critical_features, data_quality_issues, build_commit_sha,
              referee_adjustment, sportsbook)
            SELECT
              CONCAT('p', CAST(k AS STRING), system_id), system_id, CONCAT('player', CAST(k AS STRING)),
              DATE '{day}', '{GAME}', 1, CAST(10.5 + k AS NUMERIC), NUMERIC '0.87', 'OVER', TRUE,
              CAST(9.5 + MOD(k, 3) AS NUMERIC), 'ACTUAL_PROP', TRUE, TIMESTAMP '{day} 15:00:00+00:00', TRUE,
              NUMERIC '0.25', JSON '{{"pace": 1}}', JSON '{{"vegas": true}}', ['late'], 'abc123', NUMERIC '0.5',
              'draftkings'
            FROM UNNEST(GENERATE_ARRAY(1, {players})) AS k
            CROSS JOIN UNNEST({list(SYSTEMS)}) AS system_id
            """,
        )
        execute(
            client,
            f"""
            INSERT INTO `{tables["player_game_summary"]}` (
              player_lookup, game_id, game_date, team_abbr, opponent_team_abbr, season_year, points, minutes_played,
              starter_flag, win_flag, is_active, is_dnp)
            SELECT
              CONCAT('player', CAST(k AS STRING)), '{GAME}', DATE '{day}', 'AAA', 'BBB', 2023, 8 + k,
              NUMERIC '31.4', TRUE, TRUE, TRUE, FALSE
            FROM UNNEST(GENERATE_ARRAY(1, {players})) AS k
            """,
        )


def fill_old_grades(
    client: bigquery.Client, settings: Settings, days: Sequence[date], players: int = 6, *, copies: int = 1
) -> None:
    """What the old system has graded: with values in columns that the service does not compute, and with copies."""
    path = paths(settings, ("prediction_accuracy",))["prediction_accuracy"]
    for day in days:
        execute(
            client,
            f"""
            INSERT INTO `{path}` (
              player_lookup, game_id, game_date, system_id, line_value, predicted_points, actual_points,
              confidence_score, recommendation, graded_at, data_quality_tier, feature_count, critical_features)
            SELECT
              CONCAT('player', CAST(k AS STRING)), '{GAME}', DATE '{day}', system_id,
              CAST(9.5 + MOD(k, 3) AS NUMERIC), CAST(10.5 + k AS NUMERIC), 8 + k, NUMERIC '0.87', 'OVER',
              TIMESTAMP_ADD(TIMESTAMP '{day} 20:00:00+00:00', INTERVAL copy SECOND), 'gold', 33, JSON '{{"old": 1}}'
            FROM UNNEST(GENERATE_ARRAY(1, {players})) AS k
            CROSS JOIN UNNEST({list(SYSTEMS)}) AS system_id
            CROSS JOIN UNNEST(GENERATE_ARRAY(1, {copies})) AS copy
            """,
        )
