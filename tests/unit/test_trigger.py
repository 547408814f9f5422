"""What a message asks for, and what is said about one that asks for nothing sensible."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from foundation.errors import InvalidMessage
from grading.pubsub.message import Envelope, GradeDate, RunTask, open_header, parse
from grading.settings import Settings

NOW = datetime(2026, 1, 17, 11, 0, tzinfo=UTC)
SETTINGS = Settings(google_cloud_project="project")


def envelope(body: dict[str, Any], published_at: datetime = NOW) -> Envelope:
    return Envelope(message_id="1", published_at=published_at, body=body)


def command(body: dict[str, Any], published_at: datetime = NOW, now: datetime = NOW) -> GradeDate | RunTask:
    return parse(envelope(body, published_at), SETTINGS, {"catch_up", "quality_check"}, now)


def opened(data: object) -> Envelope:
    return open_header({"message": {"data": data, "messageId": "7"}}, "1", "", NOW).envelope(NOW)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_plain_date_with_unknown_keys() -> None:
    """Unknown keys are ignored."""
    asked = command({"target_date": "2026-01-16", "trigger_source": "manual_test", "colour": "red"})
    assert asked == GradeDate(target_date=date(2026, 1, 16), trigger_source="manual_test", run_aggregation=True)


@pytest.mark.parametrize(("word", "expected"), [("today", date(2026, 1, 16)), ("yesterday", date(2026, 1, 15))])
def test_words_mean_the_day_in_the_configured_time_zone(word: str, expected: date) -> None:
    """03:30 UTC on the 17th is still the 16th in New York."""
    asked = command({"target_date": word}, datetime(2026, 1, 17, 3, 30, tzinfo=UTC))
    assert isinstance(asked, GradeDate)
    assert asked.target_date == expected


def test_yesterday_means_the_same_date_when_it_is_redelivered_after_midnight() -> None:
    asked = command({"target_date": "yesterday"}, datetime(2026, 1, 17, 3, 30, tzinfo=UTC), NOW)
    assert isinstance(asked, GradeDate)
    assert asked.target_date == date(2026, 1, 15)


def test_a_task() -> None:
    assert command({"task": "catch_up", "days": 7}) == RunTask(task="catch_up", days=7)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, r"target_date is missing: send \{"),
        ({"target_date": ""}, r"target_date is missing"),
        ({"target_date": None}, r"target_date is missing"),
        ({"target_date": "16.01.2026"}, r"target_date '16.01.2026' is malformed: write YYYY-MM-DD"),
        ({"target_date": "20260116"}, r"target_date '20260116' is malformed"),
        ({"target_date": 20260116}, r"target_date 20260116 is malformed"),
        ({"target_date": "2026-02-30"}, r"target_date '2026-02-30' does not exist in the calendar"),
        ({"target_date": "2026-01-18"}, r"target_date '2026-01-18' is in the future: today is 2026-01-17"),
        ({"target_date": "2026-01-16", "run_aggregation": "no"}, r"run_aggregation 'no' is neither true nor false"),
        ({"task": "sweep"}, r"task 'sweep' is not known: use one of catch_up, quality_check"),
        ({"task": ["catch_up"]}, r"task \['catch_up'\] is not known"),
        ({"task": "catch_up", "days": 0}, r"days 0 is not a whole number from 1 to 366"),
        ({"task": "catch_up", "days": "7"}, r"days '7' is not a whole number"),
    ],
)
def test_bad_values_are_named_with_the_remedy(body: dict[str, Any], error: str) -> None:
    with pytest.raises(InvalidMessage, match=error):
        command(body)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("%%%", r"message data '%%%' is not base64"),
        (base64.b64encode(b"\xff\xfe").decode(), r"is not base64 of UTF-8 text"),
        (encoded("target_date=2026-01-16"), r"message 'target_date=2026-01-16' is not JSON: send \{"),
        (encoded("[1]"), r"message '\[1\]' is not a JSON object"),
        ("", r"message '' is not JSON"),
        (5, r"message data 5 is not base64 text"),
    ],
)
def test_unreadable_data_is_named(data: object, error: str) -> None:
    with pytest.raises(InvalidMessage, match=error):
        opened(data)


@pytest.mark.parametrize("event", [{}, {"message": None}, {"message": "text"}, "text", None])
def test_an_event_without_a_message_is_named(event: Any) -> None:
    with pytest.raises(InvalidMessage, match="carries no Pub/Sub message"):
        open_header(event, "1", "", NOW)


def test_the_publish_time_is_pubsubs_own() -> None:
    """A redelivery keeps it, so age and satisfaction are judged by it."""
    message = {"data": encoded(json.dumps({"target_date": "today"})), "publishTime": "2026-01-17T10:00:00.5Z"}
    published_at = open_header({"message": message}, "1", "2026-01-17T10:59:00Z", NOW).published_at
    assert published_at is not None
    assert opened(message["data"]).published_ms == int(NOW.timestamp() * 1000)
    assert published_at.timestamp() * 1000 == 1768644000500
