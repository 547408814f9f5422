"""Any message ends as a command, or as `InvalidMessage`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidMessage
from grading.pubsub.message import Envelope, GradeDate, RunTask, open_header, parse
from grading.settings import Settings
from tests.properties import PLANTED, any_text, tries

# A message can be as deep as 20,000 levels; Hypothesis minds only how it looks in a report.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

NOW = datetime(2026, 1, 17, 11, 0, tzinfo=UTC)
SETTINGS = Settings(google_cloud_project="project")
TASKS = {"catch_up", "quality_check"}

# Lone surrogates included: JSON can escape them, and Python reads them.
ANY_TEXT = any_text(40)
NUMBERS = st.integers() | st.floats() | st.integers(10**300, 10**310)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
DATES = st.dates().map(date.isoformat) | st.sampled_from(["today", "yesterday", "0001-01-01", "9999-12-31", ""])
COMMANDS = st.fixed_dictionaries(
    {},
    optional={
        "target_date": DATES | JSON,
        "trigger_source": ANY_TEXT | JSON,
        "run_aggregation": st.booleans() | JSON,
        "task": st.sampled_from(sorted(TASKS)) | JSON,
        "days": st.integers() | JSON,
    },
)
DEEP = st.integers(1, 20_000).map(lambda depth: '{"target_date":' * depth + "1" + "}" * depth)
LONG_NUMBER = st.integers(4_000, 6_000).map(lambda digits: f'{{"days": {"9" * digits}, "task": "catch_up"}}')
DATA = st.one_of(
    st.one_of(COMMANDS.map(json.dumps), JSON.map(json.dumps), DEEP, LONG_NUMBER).map(
        lambda text: base64.b64encode(text.encode()).decode()
    ),
    st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    ANY_TEXT,
    JSON,
)
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", "soon"]),
    JSON,
)
EVENTS = st.one_of(
    st.fixed_dictionaries({"message": st.fixed_dictionaries({"data": DATA, "publishTime": TIMES, "messageId": JSON})}),
    st.fixed_dictionaries({"message": JSON}),
    JSON,
)

Open = Callable[[Any, str, str, datetime], Envelope]


def read(event: Any, open_event: Open) -> None:
    """The property: a command that can be worked with, or the error that names the value."""
    try:
        envelope = open_event(event, "1", "", NOW)
        command = parse(envelope, SETTINGS, TASKS, NOW)
    except InvalidMessage as error:
        str(error).encode()
        return
    assert isinstance(command, GradeDate | RunTask)
    envelope.message_id.encode()
    assert envelope.published_ms > 0
    if isinstance(command, GradeDate):
        command.trigger_source.encode()
        assert date(1946, 1, 1) <= command.target_date <= date(2026, 1, 18)


def opened(event: Any, event_id: str, event_time: str, now: datetime) -> Envelope:
    header = open_header(event, event_id, event_time, now)
    return header.envelope(header.published_at or now)


@given(EVENTS)
@tries(100, 20_000)
def test_any_message_is_a_command_or_invalid(event: Any) -> None:
    read(event, opened)


def test_a_reader_that_trusts_the_publish_time_is_found() -> None:
    """The planted fault: the time is taken as it stands, whatever year it names."""

    def trusting(event: Any, event_id: str, event_time: str, now: datetime) -> Envelope:
        envelope = opened(event, event_id, event_time, now)
        return Envelope(
            message_id=envelope.message_id,
            published_at=datetime.fromisoformat(event["message"]["publishTime"]),
            body=envelope.body,
        )

    @given(EVENTS)
    @PLANTED
    def attempt(event: Any) -> None:
        read(event, trusting)

    with pytest.raises((OverflowError, ValueError, TypeError, AssertionError, ExceptionGroup)):
        attempt()
