"""The emulators answer as the clients expect; if the SDK is absent the tests say so, and in CI they fail."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from google.cloud import bigquery

from grading.settings import Settings
from localdev.bigquery import LOCAL_PROJECT
from localdev.environment import isolated
from localdev.firestore import FirestoreEmulator
from localdev.load import create_input_tables, load_slate
from localdev.probes import http_answers
from localdev.pubsub import PubSubEmulator
from localdev.sample_slate import SAMPLE_DATE, write
from localdev.settings import as_environment
from localdev.slack_sink import SlackSink
from localdev.slate import PREDICTIONS, read_slate


def test_the_firestore_emulator_answers(firestore_emulator: FirestoreEmulator) -> None:
    assert http_answers(firestore_emulator.port)


def test_the_pubsub_emulator_pushes_what_is_published(pubsub_emulator: PubSubEmulator, slack_sink: SlackSink) -> None:
    topic = f"topic-{uuid.uuid4().hex[:8]}"
    pubsub_emulator.create_topic(LOCAL_PROJECT, topic)
    pubsub_emulator.create_push_subscription(LOCAL_PROJECT, f"{topic}-push", topic=topic, endpoint=slack_sink.url)
    (message_id,) = pubsub_emulator.publish(LOCAL_PROJECT, topic, {"target_date": "2024-01-15"})
    (post,) = slack_sink.wait_for(1)
    assert post.message["message"]["messageId"] == message_id


def test_a_slate_is_loaded_without_losing_a_digit(
    bigquery_client: bigquery.Client, input_tables: Settings, tmp_path: Path
) -> None:
    """bqemulator keeps three decimals of a plain NUMERIC; the tables say NUMERIC(38, 9)."""
    write(tmp_path)
    slate = read_slate(tmp_path, SAMPLE_DATE)
    slate[PREDICTIONS.setting][0]["predicted_points"] = "1.123456789"
    assert load_slate(bigquery_client, input_tables, slate)[PREDICTIONS.setting] > 1000
    table = input_tables.input_table(PREDICTIONS.setting)
    found = bigquery_client.query_and_wait(
        f"SELECT COUNT(*) AS found FROM `{table}` WHERE predicted_points = NUMERIC '1.123456789'"
    )
    assert [row["found"] for row in found] == [1]


def test_creating_the_input_tables_again_changes_nothing(
    bigquery_client: bigquery.Client, input_tables: Settings
) -> None:
    create_input_tables(bigquery_client, input_tables)


def test_settings_survive_the_way_through_the_environment(settings: Settings) -> None:
    """The function is configured as the test is."""
    assert Settings.from_environment(as_environment(settings)) == settings


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")], ids=["on a laptop", "in CI"])
def test_an_sdk_without_the_emulator_is_skipped_on_a_laptop_and_an_error_in_ci(
    tmp_path: Path, ci: str, outcome: str
) -> None:
    """gcloud is on the PATH, and its Firestore component is not installed."""
    for name in ("gcloud", "java"):
        program = tmp_path / "sdk" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)
    root = Path(__file__).resolve().parents[2]
    test = f"{Path(__file__).relative_to(root)}::{test_the_firestore_emulator_answers.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        cwd=root,
        env=isolated() | {"PATH": str(tmp_path / "sdk" / "bin"), "CI": ci},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert outcome in done.stdout
    assert "gcloud components install cloud-firestore-emulator" in done.stdout
