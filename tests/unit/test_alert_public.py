"""The two public functions of the package."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import alerts
from alerts.alert import Alert


class Kept:
    """A notifier that keeps what it is given."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def send(self, alert: Alert) -> bool:
        self.alerts.append(alert)
        return True


def test_a_duplicate_alert_takes_a_date_and_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """With these two alone it goes where the environment says."""
    kept = Kept()
    wiring = ModuleType("grading.wiring")
    monkeypatch.setattr(wiring, "notifier_from_environment", lambda: kept, raising=False)
    monkeypatch.setitem(sys.modules, "grading.wiring", wiring)
    assert alerts.send_duplicate_alert("2026-01-17", 214)
    (alert,) = kept.alerts
    assert (alert.check, alert.date, alert.count) == ("duplicates", "2026-01-17", 214)


def test_a_lock_failure_alert_is_critical() -> None:
    kept = Kept()
    assert alerts.send_lock_failure_alert("2026-01-17", "grading", "unavailable", notifier=kept)
    assert kept.alerts[0].severity == "CRITICAL"


def test_the_package_exports_what_is_documented() -> None:
    assert set(alerts.__all__) == {"Alert", "Notifier", "send_duplicate_alert", "send_lock_failure_alert"}
    assert all(hasattr(alerts, name) for name in alerts.__all__)
