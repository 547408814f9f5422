"""What deploy.sh asks for, reads on stdin, and says when something is missing."""

from __future__ import annotations

import pytest

from tests.deploy.cloud import WEBHOOK, Cloud
from tests.deploy.projects import ID, fresh

# The first test also waits for gcloud's linter, which has seen none of the commands yet.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize(
    ("number", "sentence", "remedy"),
    [
        (0, "gcloud has no account", "gcloud auth login"),
        (1, "no application credentials", "gcloud auth application-default login"),
        (2, "cannot run python -m grading", "pip install -r requirements.txt"),
        (3, "project demo-project is not there", "gcloud projects list"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_corrects_it(
    google: Cloud, number: int, sentence: str, remedy: str
) -> None:
    run = google.deploy(fresh(), fail=number)
    assert run.code == 1
    assert sentence in run.printed
    assert remedy in run.printed
    assert "nothing was changed" in run.printed
    assert run.changes == []


def test_an_input_table_that_is_missing_is_named_with_its_setting(google: Cloud) -> None:
    project = fresh()
    project["datasets"][f"{ID}:nba_box_scores"]["tables"] = {}
    run = google.deploy(project)
    assert run.code == 1
    assert "nba_box_scores.player_game_summary is not there" in run.printed
    assert "BOX_SCORES_TABLE=" in run.printed
    assert run.changes == []


def test_a_datastore_database_is_refused_with_the_way_out(google: Cloud) -> None:
    run = google.deploy(fresh() | {"databases": {"(default)": "DATASTORE_MODE"}})
    assert run.code == 1
    assert "Datastore mode; locks need native mode" in run.printed
    assert run.project["functions"] == {}


def test_the_webhook_travels_on_stdin_and_never_in_an_argument(google: Cloud) -> None:
    run = google.deploy(fresh(), stdin=WEBHOOK + "\n")
    assert run.code == 0, run.printed
    assert run.project["secrets"]["slack-webhook-url"]["versions"] == [WEBHOOK]
    assert not any(WEBHOOK in word for call in run.calls for word in call["words"])
    assert WEBHOOK not in run.printed


def test_without_a_webhook_the_deployment_goes_on_and_says_what_is_missing(google: Cloud) -> None:
    run = google.deploy(fresh(), stdin="")
    assert run.code == 0, run.printed
    assert "alerts reach the logs only" in run.printed


def test_skip_scheduler_leaves_our_schedule_alone(google: Cloud) -> None:
    run = google.deploy(fresh(), "--skip-scheduler")
    assert run.code == 0, run.printed
    assert run.project["jobs"] == {}


def test_policies_page_the_channels_that_are_named(google: Cloud) -> None:
    channels = [f"projects/{ID}/notificationChannels/{number}" for number in (1, 2)]
    run = google.deploy(fresh(), "--notification-channel", channels[0], f"--notification-channel={channels[1]}")
    assert run.code == 0, run.printed
    assert {each["channels"] for each in run.project["policies"].values()} == {",".join(channels)}
