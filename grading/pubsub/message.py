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
from foundation.text import shown, valid
from grading.settings import Settings

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EARLIEST = date(1946, 1, 1)
# A publish time outside these is none: nothing was published before there was Pub/Sub, nor tomorrow.
_FIRST_PUBLISHED = datetime(2010, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)
_LONGEST_TEXT = 200
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
    """Grade one date, and its aggregates after it if `run_aggregation`."""

    target_date: date
    trigger_source: str
    run_aggregation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTask:
    """Run one of the named upkeep tasks over the last `days` days (None: the task's own default)."""

    task: str
    days: int | None


Command = GradeDate | RunTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is known of a message before its data is looked at. `published_at` is None if it cannot be read."""

    message_id: str
    published_at: datetime | None
    data: object

    def envelope(self, published_at: datetime) -> Envelope:
        """The message with its data decoded. Raises `InvalidMessage` for unreadable base64 or JSON, and for JSON that
        is no object."""
        return Envelope(message_id=self.message_id, published_at=published_at, body=body_of(self.data))


def open_header(cloud_event: object, event_id: str, event_time: str, now: datetime) -> Header:
    """Unpack a Pub/Sub CloudEvent without its data.

    The publish time is Pub/Sub's own, which a redelivery keeps. Raises `InvalidMessage` if the event carries no Pub/Sub
    message.
    """
    message = cloud_event.get("message") if isinstance(cloud_event, Mapping) else None
    if not isinstance(message, Mapping):
        raise InvalidMessage(f"the event carries no Pub/Sub message: {shown(cloud_event)}")
    message_id = message.get("messageId") or message.get("message_id") or event_id
    published = message.get("publishTime") or message.get("publish_time") or event_time
    return Header(message_id=_short(message_id), published_at=_moment(published, now), data=message.get("data") or "")


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
            raise InvalidMessage(f"task {shown(task)} is not known: use one of {', '.join(sorted(tasks))}")
        return RunTask(task=task, days=_days(body.get("days")))
    return GradeDate(
        target_date=_target_date(body.get("target_date"), envelope, settings, now),
        trigger_source=_text(body, "trigger_source", "unknown"),
        run_aggregation=_flag(body, "run_aggregation", default=True),
    )


def body_of(data: object) -> Mapping[str, Any]:
    """The JSON object in a message's data. Raises `InvalidMessage`, whatever the data is."""
    if not isinstance(data, str):
        raise InvalidMessage(f"message data {shown(data)} is not base64 text")
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidMessage(f"message data {shown(data)} is not base64 of UTF-8 text: {error}") from error
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"message {shown(text)} is not JSON: send {_EXAMPLE}") from error
    if not isinstance(body, dict):
        raise InvalidMessage(f"message {shown(text)} is not a JSON object: send {_EXAMPLE}")
    return body


def _short(text: object) -> str:
    return valid(str(text))[:_LONGEST_TEXT] if isinstance(text, str | int) else ""


def _moment(text: object, now: datetime) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except (ValueError, RecursionError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if _FIRST_PUBLISHED <= moment <= now + _CLOCKS_DIFFER else None


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
        raise InvalidMessage(f"target_date {shown(value)} is malformed: write YYYY-MM-DD, 'today' or 'yesterday'")
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise InvalidMessage(f"target_date {value!r} does not exist in the calendar: {error}") from error
    if day < _EARLIEST:
        raise InvalidMessage(f"target_date {value!r} lies before {_EARLIEST}: there were no games")
    today = settings.local_date(now)
    if day > today:
        raise InvalidMessage(f"target_date {value!r} is in the future: today is {today} in {settings.time_zone}")
    return day


def _text(body: Mapping[str, Any], key: str, default: str) -> str:
    value = body.get(key)
    return valid(value)[:_LONGEST_TEXT] if isinstance(value, str) and value else default


def _flag(body: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise InvalidMessage(f"{key} {shown(value)} is neither true nor false")
    return value


def _days(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 366:
        raise InvalidMessage(f"days {shown(value)} is not a whole number from 1 to 366")
    return value
