"""Rows of made-up players for the cases of real incidents: what matters is given, the rest is plain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from google.cloud import bigquery

from foundation.clock import Deadline
from grading.outcome import Outcome
from grading.processors import GRADING, Processor
from grading.run import Request
from grading.wiring import Application
from localdev.load import load_rows
from localdev.slate import BOX_SCORES, INJURY_REPORT, PREDICTIONS, Row
from tests.integration.conftest import rows_of

SYSTEM = "catboost_v12"


def predicted(day: date, player: str, line: str | None = "10.5", *, teams: str = "CHA_LAL", **given: Any) -> Row:
    """A prediction of 25 points, OVER, by one system at three in the afternoon."""
    created = given.pop("created_at", f"{day}T15:00:00+00:00")
    system = given.get("system_id", SYSTEM)
    return {
        "prediction_id": f"{system}-{player}-{line}-{created}",
        "system_id": system,
        "player_lookup": player,
        "game_id": f"{day:%Y%m%d}_{teams}",
        "game_date": day.isoformat(),
        "predicted_points": "25.0",
        "confidence_score": "0.72",
        "recommendation": "OVER",
        "current_points_line": line,
        "has_prop_line": True,
        "line_source": "ODDS_API",
        "is_actionable": True,
        "is_active": True,
        "created_at": created,
        **given,
    }


def played(
    day: date, player: str, points: int | None = 12, minutes: str | None = "30", *, teams: str = "CHA_LAL", **given: Any
) -> Row:
    """A box score of 12 points in 30 minutes, at home."""
    return {
        "player_lookup": player,
        "game_id": f"{day:%Y%m%d}_{teams}",
        "game_date": day.isoformat(),
        "team_abbr": "LAL",
        "opponent_team_abbr": "CHA",
        "minutes_played": minutes,
        "points": points,
        "is_dnp": points is None,
        **given,
    }


def load(
    application: Application, predictions: Sequence[Row], box_scores: Sequence[Row], reports: Sequence[Row] = ()
) -> None:
    """Append the rows to the input tables."""
    client, settings = application.bigquery_client, application.settings
    load_rows(client, settings, PREDICTIONS, predictions)
    load_rows(client, settings, BOX_SCORES, box_scores)
    load_rows(client, settings, INJURY_REPORT, reports)


def grade(application: Application, day: date, processor: Processor = GRADING, **request: Any) -> Outcome:
    """Run one processor for a date."""
    deadline = Deadline.after(60, application.clock)
    return application.service.run(processor, Request(date=day, **request), deadline)


def graded(application: Application, day: date, processor: Processor = GRADING) -> list[dict[str, Any]]:
    """What a table has for a date, by business key."""
    target = application.settings.target(processor.name)
    rows = rows_of(
        application.bigquery_client, f"SELECT * FROM `{target}` WHERE {processor.partition_column} = DATE '{day}'"
    )
    return sorted(rows, key=lambda row: [str(row[name]) for name in processor.business_key])


def last_run(application: Application, processor: Processor = GRADING) -> dict[str, Any]:
    """The newest row of `grading_runs`."""
    runs = application.settings.target("grading_runs")
    where = f"WHERE processor = '{processor.name}'"
    return rows_of(application.bigquery_client, f"SELECT * FROM `{runs}` {where} ORDER BY committed_at DESC LIMIT 1")[0]


def execute(client: bigquery.Client, sql: str) -> None:
    """Change an input table."""
    rows_of(client, sql)
