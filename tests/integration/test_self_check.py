"""The function checks itself: 2xx if it could grade now, otherwise 500 and one line that says why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import requests
from google.cloud import bigquery

from grading.settings import Settings
from grading.wiring import Application
from localdev.function import FunctionServer
from localdev.settings import as_environment
from tests.integration.damaged import execute
from tests.integration.events import pubsub_event

_DEPLOY = Path(__file__).parents[2] / "deploy/function.sh"
_HEADERS = {
    "ce-id": "1",
    "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
    "ce-specversion": "1.0",
    "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
}


def test_the_deployed_function_says_whether_it_could_grade(
    application: Application, bigquery_client: bigquery.Client, tmp_path: Path
) -> None:
    settings: Settings = application.settings
    environment = as_environment(settings)
    with FunctionServer(environment=environment, log_directory=tmp_path, instances=1) as function:
        assert _ask(function.url).status_code in (200, 204)

        scores = settings.input_table("box_scores_table")
        execute(bigquery_client, f"ALTER TABLE `{scores}` DROP COLUMN minutes_played")
        answer = _ask(function.url)
        assert answer.status_code == 500
        assert answer.text == (
            f"{scores.dataset}.{scores.table}.minutes_played: the table lacks it: "
            f"needed for deciding whether the player played\n"
        )
        # deploy.sh prints the log's entries of this severity, and takes some answers for "not there yet".
        assert answer.text.strip() in [entry["message"] for entry in function.events() if entry["severity"] == "ERROR"]
        waited_for = re.search(r"^ +((?:\d{3} \| )+\d{3})\)$", _DEPLOY.read_text(encoding="utf-8"), re.MULTILINE)
        assert waited_for
        assert str(answer.status_code) not in waited_for[1].split(" | ")

        execute(bigquery_client, f"ALTER TABLE `{scores}` ADD COLUMN minutes_played NUMERIC(38, 9)")
        runs = settings.target("grading_runs")
        execute(bigquery_client, f"DROP TABLE `{runs}`")
        answer = _ask(function.url)
        assert (answer.status_code, answer.text) == (500, f"{runs} does not exist: run `python -m grading init`\n")


def _ask(url: str) -> requests.Response:
    data = pubsub_event({"task": "self_check"}, datetime.now(UTC))
    return requests.post(url, json=data, headers=_HEADERS, timeout=120)
