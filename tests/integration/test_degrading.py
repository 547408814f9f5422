"""Without its lock the service still grades, says so loudly, and stays safe."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, firestore

from foundation.clock import Deadline
from grading.outcome import Outcome, Status
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import Application
from locking.firestore.store import FirestoreLockStore
from tests.integration.conftest import DAY, RecordingNotifier, RecordingSink
from tests.integration.slate import load_day


def grade(application: Application) -> Outcome:
    return application.service.run(GRADING, Request(date=DAY), Deadline.after(120, application.clock))


def test_a_lock_held_too_long_is_told_and_the_write_proceeds(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    """CRITICAL in the log, an alert that names the holder and what became of the write, and the rows."""
    load_day(bigquery_client, application.settings, DAY, 5)
    impatient = Application(
        replace(application.settings, lock_max_wait_seconds=0.3),
        sinks=(sink,),
        notifier=notifier,
        observe=application._observe,
    )
    with application.lock("grading").acquire(DAY, "someone-else", 5) as other:
        outcome = grade(impatient)
    impatient.bigquery_client.close()
    assert (outcome.status, outcome.locked) == (Status.SUCCESS, False)
    [event] = sink.named("lock_unavailable")
    assert (event.severity, event.fields["reason"]) == ("CRITICAL", "timeout")
    [alert] = notifier.alerts
    assert (alert.check, alert.severity) == ("lock_failure", "CRITICAL")
    told = dict(alert.facts)
    assert other.holder_id in told["Held by"]
    assert "ended as: success" in told["Detail"]
    assert alert.next_command == "python -m grading locks"


def test_a_dead_lock_service_is_told_and_the_write_proceeds(
    application: Application,
    bigquery_client: bigquery.Client,
    notifier: RecordingNotifier,
    sink: RecordingSink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing listens where Firestore should be: decided within about ten seconds, not minutes."""
    load_day(bigquery_client, application.settings, DAY, 5)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    client = firestore.Client(project="nowhere", credentials=AnonymousCredentials(), client_options=ClientOptions())
    alone = Application(
        application.settings,
        sinks=(sink,),
        notifier=notifier,
        lock_store=FirestoreLockStore(client),
        observe=application._observe,
    )
    outcome = grade(alone)
    alone.bigquery_client.close()
    client.close()
    assert (outcome.status, outcome.locked) == (Status.SUCCESS, False)
    assert outcome.duplicates is not None
    assert outcome.duplicates.clean
    assert outcome.lock_wait_ms < 20_000
    [event] = sink.named("lock_unavailable")
    assert (event.severity, event.fields["reason"]) == ("CRITICAL", "unavailable")
    assert notifier.checks() == ["lock_failure"]
