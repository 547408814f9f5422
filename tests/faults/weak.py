"""The replaced system, weakness by weakness: simple versions for the tests to go red on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import requests

from alerts.alert import Alert, Notifier
from alerts.slack import SlackNotifier
from alerts.webhook import WebhookUrl
from foundation.clock import Clock, SystemClock
from foundation.events import EventLog
from grading.settings import Settings
from grading.wiring import Application
from localdev.naive import delete_then_load
from locking.store import DocumentStore, Key
from tests.faults.writers import die, grade_and_die

KEY = Key("plain_locks", "plain")
_LOOKUP_SECONDS = 0.3


class PlainLock:
    """A lock document with an expiry by the writer's clock, a wait of so many polls, and a release of what is there."""

    def __init__(
        self, store: DocumentStore, holder: str, clock: Clock | None = None, lease_seconds: float = 300.0
    ) -> None:
        self._store = store
        self._holder = holder
        self._clock = clock or SystemClock()
        self._lease = timedelta(seconds=lease_seconds)

    def acquire(self, *, polls: int = 1, pause_seconds: float = 0.0) -> bool:
        """Try so many times. False: it stayed taken."""
        for _ in range(polls):
            now = self._clock.now()
            fields = {"holder_id": self._holder, "expires_at": now + self._lease}
            if self._store.create(KEY, fields, timeout=5) is not None:
                return True
            held = self._store.read(KEY, timeout=5)
            expires = held.fields["expires_at"] if held else now
            if held and isinstance(expires, datetime) and expires < now:
                return self._store.replace(KEY, fields, if_version=held.version, timeout=5) is not None
            time.sleep(pause_seconds)
        return False

    def release(self) -> None:
        """Delete the lock document, whosever it is."""
        held = self._store.read(KEY, timeout=5)
        if held:
            self._store.delete(KEY, if_version=held.version, timeout=5)

    def holder(self) -> str:
        """Who holds it; empty if nobody does."""
        held = self._store.read(KEY, timeout=5)
        return str(held.fields["holder_id"]) if held else ""


def rows_of_date(application: Application, day: date) -> list[dict[str, Any]]:
    """The date's rows, as a writer from Python would give them again."""
    target = application.settings.target("prediction_accuracy")
    found = application.bigquery_client.query_and_wait(
        f"SELECT * FROM `{target}` WHERE game_date = DATE '{day}'", api_timeout=30
    )
    return [dict(row.items()) for row in found]


def write_in_two_jobs(application: Application, day: date, between: Callable[[], object] = lambda: None) -> None:
    """Replace the date by its own rows, the old way."""
    rows = rows_of_date(application, day)
    target = application.settings.target("prediction_accuracy")
    delete_then_load(application.bigquery_client, target, day, rows, between=between)


def die_between_two_jobs(settings: Settings, day: date) -> None:
    """In a process of its own: killed after the DELETE."""
    write_in_two_jobs(Application(settings, sinks=()), day, between=die)


def die_in_the_publish(settings: Settings, day: date) -> None:
    """In a process of its own: killed while the publish runs."""
    grade_and_die(settings, day, "publish", "during")


class BackgroundNotifier:
    """Sends in a thread, and returns at once."""

    def __init__(self, inner: Notifier) -> None:
        self._inner = inner

    def send(self, alert: Alert) -> bool:
        threading.Thread(target=self._inner.send, args=(alert,), daemon=True).start()
        return True


class _SlowWebhook:
    """An address that takes a moment to be had, as from Secret Manager."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self) -> WebhookUrl:
        time.sleep(_LOOKUP_SECONDS)
        return WebhookUrl.parse(self._url)

    def forget(self) -> None:
        """Nothing is kept."""


def alert_and_freeze(settings: Settings, url: str, background: bool) -> None:
    """In a process of its own: an unreadable event, and no processor time any more once its handler has returned."""
    notifier: Notifier = SlackNotifier(
        _SlowWebhook(url), requests.Session(), EventLog(), SystemClock(), environment="test"
    )
    application = Application(settings, sinks=(), notifier=BackgroundNotifier(notifier) if background else notifier)
    application.handler.handle({"message": {"data": "?", "messageId": "1"}}, event_id="1")
    os._exit(0)
