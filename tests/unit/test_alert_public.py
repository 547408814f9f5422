"""The alerts that callers in Python send themselves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import alerts
from grading import api
from tests.fakes import RecordingNotifier


def test_a_duplicate_alert_takes_a_date_and_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """With these two alone it goes where the environment says."""
    kept = RecordingNotifier()
    monkeypatch.setattr(api, "application_from_environment", lambda: SimpleNamespace(notifier=kept))
    assert api.send_duplicate_alert("2026-01-17", 214)
    (alert,) = kept.alerts
    assert (alert.check, alert.date, alert.count) == ("duplicates", "2026-01-17", 214)


def test_a_lock_failure_alert_is_critical() -> None:
    kept = RecordingNotifier()
    assert api.send_lock_failure_alert("2026-01-17", "grading", "unavailable", notifier=kept)
    assert kept.alerts[0].severity == "CRITICAL"


def test_what_is_exported_is_there() -> None:
    assert all(hasattr(api, name) for name in api.__all__)
    assert all(hasattr(alerts, name) for name in alerts.__all__)
