"""The topic that is told of each date that is done."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import Future
from datetime import date
from typing import Any

import pytest

from foundation.events import EventLog
from grading.outcome import Outcome, Status, Written
from grading.processors import GRADING, SYSTEM_DAILY_PERFORMANCE, Processor
from grading.pubsub.completion import Completion
from localdev.bigquery import LOCAL_PROJECT
from localdev.pubsub import PubSubEmulator
from tests.integration.conftest import RecordingSink

DAY = date(2024, 1, 15)


class RecordingPublisher:
    """Keeps what it is told to publish; `error` is what the topic answers with."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._error = error

    def publish(self, topic: str, data: bytes) -> Future[str]:
        self.sent.append((topic, json.loads(data)))
        answer: Future[str] = Future()
        if self._error:
            answer.set_exception(self._error)
        else:
            answer.set_result("1")
        return answer


def _outcome(status: Status, processor: Processor = GRADING, *, transient: bool = False, rows: int = 0) -> Outcome:
    return Outcome(
        processor=processor.name,
        date=DAY,
        status=status,
        run_id="run-1",
        written=Written(status=status, staged_keys=rows),
        transient=transient,
    )


def _announce(*outcomes: Outcome, topic: str = "graded", error: Exception | None = None) -> tuple[Any, RecordingSink]:
    publisher, sink = RecordingPublisher(error), RecordingSink()
    Completion(lambda: publisher, topic, "my-project", EventLog((sink,))).announce(outcomes)
    return publisher.sent, sink


def test_a_finished_date_is_told_in_one_message() -> None:
    """Date, status, rows and run id of the grading; the topic is the project's own unless it names another."""
    outcomes = _outcome(Status.SUCCESS, rows=12), _outcome(Status.SUCCESS, SYSTEM_DAILY_PERFORMANCE)
    message = {"date": "2024-01-15", "status": "success", "rows": 12, "run_id": "run-1"}
    assert _announce(*outcomes)[0] == [("projects/my-project/topics/graded", message)]
    assert _announce(*outcomes, topic="projects/other/topics/t")[0] == [("projects/other/topics/t", message)]


@pytest.mark.parametrize("status", [Status.NO_PREDICTIONS, Status.NO_ACTUALS, Status.SHRUNK, Status.SUPERSEDED])
def test_every_end_is_told(status: Status) -> None:
    """What comes after grading decides by the status."""
    assert _announce(_outcome(status))[0][0][1]["status"] == status.value


def test_a_date_that_comes_again_is_not_told_yet() -> None:
    """Something failed in passing: the redelivery tells, when all is done."""
    failed = _outcome(Status.FAILED, SYSTEM_DAILY_PERFORMANCE, transient=True)
    assert _announce(_outcome(Status.SUCCESS), failed)[0] == []


def test_without_a_topic_or_without_grading_nothing_is_told() -> None:
    """The aggregates alone complete no date."""
    assert _announce(_outcome(Status.SUCCESS), topic="")[0] == []
    assert _announce(_outcome(Status.SUCCESS, SYSTEM_DAILY_PERFORMANCE))[0] == []


def test_a_topic_that_fails_is_logged_and_harms_nothing() -> None:
    """The date is graded, whoever hears of it."""
    _, sink = _announce(_outcome(Status.SUCCESS), error=RuntimeError("no such topic"))
    assert [event.severity for event in sink.named("completion_failed")] == ["ERROR"]


@pytest.fixture
def topic(pubsub_emulator: PubSubEmulator, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    name = f"graded-{uuid.uuid4().hex[:8]}"
    pubsub_emulator.create_topic(LOCAL_PROJECT, name)
    return name


def test_the_real_client_publishes_to_the_emulator(topic: str) -> None:
    """What a subscriber receives."""
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    sink = RecordingSink()
    with SubscriberClient() as subscriber:
        subscription = subscriber.subscription_path(LOCAL_PROJECT, topic)
        subscriber.create_subscription(
            name=subscription, topic=subscriber.topic_path(LOCAL_PROJECT, topic), timeout=10, retry=None
        )
        publisher = PublisherClient()
        Completion(lambda: publisher, topic, LOCAL_PROJECT, EventLog((sink,))).announce([_outcome(Status.SUCCESS)])
        pulled = subscriber.pull(subscription=subscription, max_messages=1, timeout=10, retry=None)
        publisher.stop()
    assert json.loads(pulled.received_messages[0].message.data)["status"] == "success"
    assert len(sink.named("completion_published")) == 1
