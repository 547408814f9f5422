"""A date to grade, made inside the warehouse by SQL: nothing is uploaded, and every run makes the same rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from string import Template

from google.cloud import bigquery

from grading.settings import Settings
from localdev.load import create_input_tables

DAY = date(2024, 1, 15)
# The worst date of the system that this project replaces.
WORST_DATE_ROWS = 263_274

_SYSTEMS = 6
_PREDICTIONS_A_PLAYER = 550
_FEWEST_PLAYERS = 24
_CALL_SECONDS = 300.0


def make_date(client: bigquery.Client, settings: Settings, rows: int) -> None:
    """Create the input tables, and fill them with a date of `rows` predictions."""
    create_input_tables(client, settings)
    players = max(_FEWEST_PLAYERS, rows // _PREDICTIONS_A_PLAYER)
    values = {
        "predictions": f"`{settings.input_table('predictions_table')}`",
        "box_scores": f"`{settings.input_table('box_scores_table')}`",
        "injury_report": f"`{settings.input_table('injury_report_table')}`",
        "date": f"DATE '{DAY}'",
        "rows": str(rows),
        "players": str(players),
        "predictions_a_step": str(_SYSTEMS * players),
    }
    for name in ("predictions", "box_scores", "injury_report"):
        file = Path(__file__).with_name("sql") / f"generated_{name}.sql"
        template = Template(file.read_text(encoding="utf-8"))
        client.query_and_wait(template.substitute(values), api_timeout=_CALL_SECONDS, wait_timeout=_CALL_SECONDS)
