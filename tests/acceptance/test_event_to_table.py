"""An event, published as users publish it, becomes graded rows: by the deployed function, under a Firestore lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from grading.processors import GRADING
from localdev import sample_slate
from localdev.bigquery import LOCAL_PROJECT
from localdev.graded import read_graded, summarise
from localdev.load import load_slate
from localdev.processes import wait_until
from localdev.slate import read_slate
from localdev.stack import TOPIC, LocalStack

_SECONDS = 60.0

Publish = Callable[[LocalStack, dict[str, Any]], str]


def _with_client(stack: LocalStack, message: dict[str, Any]) -> str:
    assert stack.pubsub is not None
    return stack.pubsub.publish(LOCAL_PROJECT, TOPIC, message)[0]


def _with_gcloud(stack: LocalStack, message: dict[str, Any]) -> str:
    assert stack.pubsub is not None
    return stack.pubsub.publish_with_gcloud(LOCAL_PROJECT, TOPIC, message)


def _load_sample(stack: LocalStack, directory: Path, day: date) -> None:
    sample_slate.write(directory, day)
    with stack.client() as client:
        load_slate(client, stack.settings, read_slate(directory, day))


def _finished(stack: LocalStack, day: date) -> list[dict[str, Any]]:
    ours = [entry for entry in stack.function.events() if entry.get("date") == day.isoformat()]
    return [entry for entry in ours if entry["event"] == "run_finished"]


def _wait_for_run(stack: LocalStack, day: date) -> dict[str, Any]:
    assert wait_until(lambda: bool(_finished(stack, day)), timeout_seconds=_SECONDS), stack.function.log_tail()
    return _finished(stack, day)[0]


def _lock_documents(stack: LocalStack) -> dict[str, Any]:
    """The grading locks that are in the Firestore emulator now, by document id."""
    assert stack.firestore is not None
    url = f"http://{stack.firestore.host}/v1/projects/{LOCAL_PROJECT}/databases/(default)/documents/grading_locks"
    found = requests.get(url, headers={"Authorization": "Bearer owner"}, timeout=5).json()
    return {document["name"].rpartition("/")[2]: document["fields"] for document in found.get("documents", ())}


@contextmanager
def _seen_locks(stack: LocalStack) -> Iterator[dict[str, Any]]:
    """Every grading lock that was there at any look, looking all the time."""
    seen: dict[str, Any] = {}
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.update(_lock_documents(stack))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


@pytest.mark.firestore
@pytest.mark.pubsub
@pytest.mark.parametrize(
    ("day", "publish"),
    [
        pytest.param(date(2024, 3, 1), _with_client, id="published by Google's client"),
        pytest.param(date(2024, 3, 2), _with_gcloud, id="published by gcloud pubsub topics publish"),
    ],
)
def test_a_published_event_grades_the_date_under_a_firestore_lock(
    stack: LocalStack, tmp_path: Path, day: date, publish: Publish
) -> None:
    _load_sample(stack, tmp_path, day)
    with _seen_locks(stack) as locks:
        message_id = publish(
            stack, {"target_date": day.isoformat(), "trigger_source": "manual_test", "run_aggregation": False}
        )
        finished = _wait_for_run(stack, day)
    assert finished["status"] == "success"
    assert finished["event_id"] == message_id
    assert finished["trigger_source"] == "manual_test"
    assert finished["locked"] is True

    lock = locks[f"grading_{day}"]
    assert lock["lock_type"]["stringValue"] == "grading"
    assert lock["holder_id"]["stringValue"]
    assert f"grading_{day}" not in _lock_documents(stack), "the lock is released"

    with stack.client() as client:
        rows = read_graded(client, stack.settings.target(GRADING.name), day)
        staging = list(client.list_tables(stack.settings.staging_dataset, timeout=10))
    summary = summarise(rows)
    assert summary.rows == finished["rows"] > 1000
    assert summary.duplicate_keys == 0
    assert summary.voided > 0
    assert {row["run_id"] for row in rows} == {finished["run_id"]}
    assert {row["fence_token"] for row in rows} == {finished["token"]}
    assert not staging, "nothing is left lying about"


def test_an_event_without_pubsub_grades_the_date(stack: LocalStack, tmp_path: Path) -> None:
    """What a machine without the gcloud SDK does: the CloudEvent goes straight to the function."""
    day = date(2024, 3, 3)
    _load_sample(stack, tmp_path, day)
    message = {"target_date": day.isoformat(), "run_aggregation": False, "unknown_key": 1}
    answer = stack.function.send(message, project=LOCAL_PROJECT, topic=TOPIC)
    assert answer.status_code == 200
    assert _wait_for_run(stack, day)["status"] == "success"


def test_the_command_line_grades_the_same_as_the_event(stack: LocalStack, tmp_path: Path) -> None:
    day = date(2024, 3, 4)
    _load_sample(stack, tmp_path, day)
    done = stack.command_line("grade", "--date", day.isoformat(), "--no-aggregation")
    assert done.returncode == 0, done.stderr
    with stack.client() as client:
        assert summarise(read_graded(client, stack.settings.target(GRADING.name), day)).rows > 1000


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"\xff\xfe", "is not base64 of UTF-8 text"),
        (b"not json", "is not JSON"),
        (b'["a list"]', "is not a JSON object"),
        (b"{}", "target_date is missing"),
        (b'{"target_date": "16.01.2024"}', "target_date '16.01.2024' is malformed"),
        (b'{"target_date": "2024-02-30"}', "target_date '2024-02-30' does not exist in the calendar"),
        (b'{"target_date": "2999-01-01"}', "target_date '2999-01-01' is in the future"),
    ],
)
def test_an_event_that_no_one_can_use_is_acknowledged_logged_and_alerted(
    stack: LocalStack, message: bytes, text: str
) -> None:
    """A repeat cannot help, so that Pub/Sub must not repeat it; someone must know."""
    logged, alerted = len(stack.function.events()), len(stack.slack.posts)
    answer = stack.function.send(message, project=LOCAL_PROJECT, topic=TOPIC)
    assert answer.status_code == 200
    rejected = [entry for entry in stack.function.events()[logged:] if entry["event"] == "event_rejected"]
    assert [entry["severity"] for entry in rejected] == ["ERROR"]
    assert text in rejected[0]["message"]
    (post,) = stack.slack.posts[alerted:]
    assert text in str(post.message).replace("\\'", "'")
