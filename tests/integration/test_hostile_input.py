"""Text from outside that tries to be SQL arrives as text. Every statement is analysed too (see `application`)."""

from __future__ import annotations

import base64
import json
import re

from google.cloud import bigquery

from grading.processors import GRADING
from grading.wiring import Application
from tests.integration.conftest import DAY, rows_of
from tests.integration.slate import box_scores, load, predictions

HOSTILE = [
    "'; DROP TABLE prediction_accuracy; --",
    "\\'; DELETE FROM prediction_accuracy WHERE TRUE; --",
    "x' OR '1'='1",
    "${run_id} ''' \"\"\" \\",
    "line\nbreak \x00\u2028 🏀 \u202e",
]


def _unescaped(stored: object) -> str:
    """What BigQuery stores; the emulator keeps a literal's escapes as they are written."""
    return re.sub(r"\\U([0-9a-f]{8})", lambda found: chr(int(found[1], 16)), str(stored))


def test_free_text_of_a_message_is_stored_and_never_read_as_sql(
    application: Application, bigquery_client: bigquery.Client, statements: list[tuple[str, str]]
) -> None:
    text = " ".join(HOSTILE)
    assert len(text) <= 200, "longer text would be cut, and so be harmless for another reason"
    load(bigquery_client, application.settings, predictions(DAY, 3), box_scores(DAY, 3))
    body = {"target_date": DAY.isoformat(), "trigger_source": text, "run_aggregation": False}
    message = {"data": base64.b64encode(json.dumps(body).encode()).decode(), "messageId": text}
    application.handler.handle({"message": message}, event_id=text)

    runs = rows_of(bigquery_client, f"SELECT * FROM `{application.settings.target('grading_runs')}`")
    assert [(_unescaped(run["trigger_source"]), _unescaped(run["event_id"])) for run in runs] == [(text, text)]
    graded = rows_of(
        bigquery_client,
        f"SELECT player_lookup FROM `{application.settings.target(GRADING.name)}` WHERE game_date = '{DAY}'",
    )
    assert len(graded) == 3
    assert not any(each in sql for each in HOSTILE for _, sql in statements)


def test_a_hostile_date_or_task_reaches_no_statement(
    application: Application, statements: list[tuple[str, str]]
) -> None:
    for body in ({key: text} for key in ("target_date", "task") for text in HOSTILE):
        data = base64.b64encode(json.dumps(body).encode()).decode()
        application.handler.handle({"message": {"data": data, "messageId": "1"}})
    assert statements == []
