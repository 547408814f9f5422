"""What an event asks for: a Pub/Sub message in, a typed command out. No clients, no side effects."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from foundation.errors import InvalidMessage
from grading.settings import Settings

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXAMPLE = '{"target_date": "2026-01-16", "trigger_source": "manual"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message as it arrived: its id, when it was published (UTC), and its decoded JSON object."""

    message_id: str
    published_at: datetime
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def published_ms(self) -> int:
        return int(self.published_at.timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeDate:
    """Grade one date, and its aggregates after it where `run_aggregation`."""

    target_date: date
    trigger_source: str
    run_aggregation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTask:
    """Run one of the named upkeep tasks over the last `days` days (None: the task's own default)."""

    task: str
    days: int | None


Command = GradeDate | RunTask


def open_envelope(cloud_event: Mapping[str, Any], event_id: str, event_time: str, now: datetime) -> Envelope:
    """Unpack a Pub/Sub CloudEvent's data.

    The publish time is Pub/Sub's own, which a redelivery keeps. Raises `InvalidMessage` for unreadable base64
    or JSON, and for JSON that is no object.
    """
    message = cloud_event.get("message") if isinstance(cloud_event, Mapping) else None
    if not isinstance(message, Mapping):
        raise InvalidMessage(f"the event carries no Pub/Sub message: {str(cloud_event)[:200]!r}")
    message_id = str(message.get("messageId") or message.get("message_id") or event_id)
    published = str(message.get("publishTime") or message.get("publish_time") or event_time or "")
    return Envelope(message_id=message_id, published_at=_moment(published, now), body=_body(message.get("data") or ""))


def parse(envelope: Envelope, settings: Settings, tasks: Collection[str], now: datetime) -> Command:
    """The command that a message gives. Unknown keys are ignored.

    `today` and `yesterday` mean the day on which the message was published, in the configured time zone, so
    that a redelivery after midnight still means the same date. Raises `InvalidMessage`, naming the value and
    what to send instead.
    """
    body = envelope.body
    if "task" in body:
        task = body["task"]
        if not isinstance(task, str) or task not in tasks:
            raise InvalidMessage(f"task {task!r} is not known: use one of {', '.join(sorted(tasks))}")
        return RunTask(task=task, days=_days(body.get("days")))
    return GradeDate(
        target_date=_target_date(body.get("target_date"), envelope, settings, now),
        trigger_source=_text(body, "trigger_source", "unknown"),
        run_aggregation=_flag(body, "run_aggregation", default=True),
    )


def _body(data: object) -> Mapping[str, Any]:
    if not isinstance(data, str):
        raise InvalidMessage(f"message data {data!r} is not base64 text")
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidMessage(f"message data {data[:80]!r} is not base64 of UTF-8 text: {error}") from error
    try:
        body = json.loads(text)
    except ValueError as error:
        raise InvalidMessage(f"message {text[:200]!r} is not JSON: send {_EXAMPLE}") from error
    if not isinstance(body, dict):
        raise InvalidMessage(f"message {text[:200]!r} is not a JSON object: send {_EXAMPLE}")
    return body


def _moment(text: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _target_date(value: object, envelope: Envelope, settings: Settings, now: datetime) -> date:
    published_on = settings.local_date(envelope.published_at)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word == "today":
        return published_on
    if word == "yesterday":
        return published_on - timedelta(days=1)
    if value is None or value == "":
        raise InvalidMessage(f"target_date is missing: send {_EXAMPLE}, 'today' or 'yesterday'")
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        raise InvalidMessage(f"target_date {value!r} is malformed: write YYYY-MM-DD, 'today' or 'yesterday'")
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise InvalidMessage(f"target_date {value!r} does not exist in the calendar: {error}") from error
    today = settings.local_date(now)
    if day > today:
        raise InvalidMessage(f"target_date {value!r} is in the future: today is {today} in {settings.time_zone}")
    return day


def _text(body: Mapping[str, Any], key: str, default: str) -> str:
    value = body.get(key)
    return value[:200] if isinstance(value, str) and value else default


def _flag(body: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise InvalidMessage(f"{key} {value!r} is neither true nor false")
    return value


def _days(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 366:
        raise InvalidMessage(f"days {value!r} is not a whole number from 1 to 366")
    return value
