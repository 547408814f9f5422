"""Every task that a message may name, through the function's handler."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from google.cloud import bigquery

from grading.wiring import Application
from locking.sqlite_store import SQLiteLockStore
from locking.status import Claim
from locking.store import Key
from tests.integration.conftest import RecordingNotifier, RecordingSink
from tests.integration.damaged import grades_with_copies

TASKS = ("catch_up", "duplicate_trend", "quality_check", "self_check", "stuck_locks")


def _send(application: Application, **body: object) -> None:
    data = base64.b64encode(json.dumps(body).encode()).decode()
    application.handler.handle({"message": {"data": data, "messageId": "m1"}}, event_id="m1")


def test_the_tasks_are_those_that_are_documented(application: Application) -> None:
    assert tuple(sorted(application.tasks)) == TASKS


@pytest.mark.parametrize("task", TASKS)
def test_a_task_runs_and_the_event_is_done_with(application: Application, sink: RecordingSink, task: str) -> None:
    """On empty tables too: nothing is raised, nothing rejected."""
    _send(application, task=task)
    assert [event.fields["task"] for event in sink.named("task_started")] == [task]
    assert not sink.named("event_rejected")
    assert not sink.named("event_failed")


def test_an_unknown_task_is_refused_with_the_known_ones(
    application: Application, sink: RecordingSink, notifier: RecordingNotifier
) -> None:
    """Logged, alerted, acknowledged: a repeat cannot help."""
    _send(application, task="clean_up")
    (rejected,) = sink.named("event_rejected")
    text = "task 'clean_up' is not known: use one of catch_up, duplicate_trend, quality_check, self_check, stuck_locks"
    assert rejected.message == text
    assert text in notifier.alerts[0].title + notifier.alerts[0].what_happened + str(notifier.alerts[0].facts)


def test_the_quality_check_alerts_what_it_finds(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """The days that a message gives are the window."""
    yesterday = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    grades_with_copies(bigquery_client, application.settings, yesterday, keys=40, excess=4)
    _send(application, task="quality_check", days=3)
    assert "quality_recent_duplicate_keys" in notifier.checks()


def test_the_trend_alerts_growth(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    yesterday = application.settings.local_date(application.clock.now()) - timedelta(days=1)
    grades_with_copies(bigquery_client, application.settings, yesterday, keys=40, excess=4)
    _send(application, task="duplicate_trend")
    assert notifier.checks() == ["duplicate_trend"]


def test_stuck_locks_are_alerted_and_dead_ones_removed(
    application: Application, notifier: RecordingNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both kinds, by the ages that the store tells."""
    store = application.lock_store
    real = SQLiteLockStore.list
    for lock_type, key in (("grading", "2026-01-15"), ("daily_performance", "2026-01-16")):
        claim = Claim(
            key=Key(f"{lock_type}_locks", f"{lock_type}_{key}"),
            lock_type=lock_type,
            lock_key=key,
            holder_id="h",
            operation_id="o",
            lease_seconds=60,
        )
        assert store.create(claim.key, claim.fields(application.clock.now()), timeout=5)

    def aged(self: SQLiteLockStore, collection: str, *, timeout: float) -> object:
        seconds = {"grading_locks": 1000.0, "daily_performance_locks": 700.0}.get(collection, 0.0)
        return [
            type(document)(document.key, document.fields, document.version, seconds)
            for document in real(self, collection, timeout=timeout)
        ]

    monkeypatch.setattr(SQLiteLockStore, "list", aged)
    _send(application, task="stuck_locks")
    assert [(alert.check, alert.date) for alert in notifier.alerts] == [
        ("stuck_lock_removed", "2026-01-15"),
        ("stuck_lock", "2026-01-16"),
    ]
    assert store.read(Key("grading_locks", "grading_2026-01-15"), timeout=5) is None
    assert store.read(Key("daily_performance_locks", "daily_performance_2026-01-16"), timeout=5) is not None
