"""`locks`: who holds what, and removing one by force."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grading.cli import commands
from grading.wiring import Application
from localdev.settings import local_settings
from locking.sqlite_store import SQLiteLockStore
from locking.status import Claim
from locking.store import Document, Key
from tests.integration.damaged import at_terminal

Invoke = Callable[..., Result]
AGES = {"grading_2026-01-15": 5.0, "grading_2026-01-16": 90.0, "grading_2026-01-17": 1200.0}


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """Locks of a live, an expired and a stuck holder; the store tells these ages."""
    settings = local_settings(
        bigquery_endpoint="http://127.0.0.1:1", lock_store="sqlite", lock_sqlite_path=str(tmp_path / "locks.sqlite3")
    )
    application = Application(settings, sinks=())
    for document_id in AGES:
        claim = Claim(
            key=Key("grading_locks", document_id),
            lock_type="grading",
            lock_key=document_id.removeprefix("grading_"),
            holder_id=f"holder-{document_id[-2:]}",
            operation_id="prediction_accuracy:manual",
            lease_seconds=60,
        )
        assert application.lock_store.create(claim.key, claim.fields(datetime.now(UTC)), timeout=5)
    real = SQLiteLockStore.list

    def aged(self: SQLiteLockStore, collection: str, *, timeout: float) -> Sequence[Document]:
        return [
            Document(found.key, found.fields, found.version, AGES.get(found.key.document_id, 0.0))
            for found in real(self, collection, timeout=timeout)
        ]

    monkeypatch.setattr(SQLiteLockStore, "list", aged)
    at_terminal(monkeypatch, "locks", application)
    return application


def _invoke(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(commands, ["locks", *arguments], input=answer)


def _held(application: Application) -> set[str]:
    return {lock.lock_key for lock in application.lock("grading").list_locks()}


def test_a_live_an_expired_and_a_stuck_lock_are_told_apart(application: Application) -> None:
    """With key, holder, operation, age, heartbeat's age, token and state."""
    output = _invoke("--wide").output
    lines = {line.split()[1]: line for line in output.splitlines() if line.startswith("grading ")}
    assert {day: line.split()[2] for day, line in lines.items()} == {
        "2026-01-15": "live",
        "2026-01-16": "expired",
        "2026-01-17": "stuck",
    }
    token = next(lock.token for lock in application.lock("grading").list_locks() if lock.lock_key == "2026-01-16")
    holder = (platform.node(), f"{os.getpid()}", "holder-16", "prediction_accuracy:manual")
    for part in (*holder, "90 s", "90 s ago", str(token)):
        assert part in lines["2026-01-16"]
    assert "  python -m grading locks release 2026-01-16 --type grading\n" in output


def test_release_asks_first(application: Application) -> None:
    """No is no; yes removes that one lock."""
    refused = _invoke("release", "2026-01-16", "--type", "grading", answer="n\n")
    assert refused.exit_code == 1
    assert len(_held(application)) == 3
    done = _invoke("release", "2026-01-16", "--type", "grading", answer="y\n")
    assert done.exit_code == 0
    assert _held(application) == {"2026-01-15", "2026-01-17"}


def test_release_with_yes_does_not_ask_and_warns_of_a_live_holder(application: Application) -> None:
    output = _invoke("release", "2026-01-15", "--type", "grading", "--yes").output
    assert "it lives, and is at work" in output
    assert "2026-01-15" not in _held(application)


def test_a_lock_that_was_renewed_after_it_was_shown_stays(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the version that the operator saw is removed."""
    store = application.lock_store
    key = Key("grading_locks", "grading_2026-01-16")

    def renew_and_confirm(*_: object, **__: object) -> bool:
        document = store.read(key, timeout=5)
        assert document
        assert store.replace(key, {**document.fields, "heartbeat": 9}, if_version=document.version, timeout=5)
        return True

    monkeypatch.setattr("click.confirm", renew_and_confirm)
    result = _invoke("release", "2026-01-16", "--type", "grading")
    assert result.exit_code == 1
    assert "nothing was removed" in result.output
    assert "2026-01-16" in _held(application)


def test_a_lock_that_nobody_holds_is_said_to_be_free(application: Application) -> None:
    result = _invoke("release", "2026-02-01", "--type", "grading", "--yes")
    assert (result.exit_code, result.output) == (0, "No grading lock of 2026-02-01 is held.\n")


def test_check_removes_the_dead_and_names_them(application: Application) -> None:
    """Held for 20 minutes and silent: removed. The others are no concern of it."""
    output = _invoke("check").output
    (line,) = [line for line in output.splitlines() if line.startswith("grading ")]
    assert line.split()[1] == "2026-01-17"
    assert line.split()[-3:] == ["20", "min", "yes"]
    assert "1 stuck lock, 1 removed" in output
    assert _held(application) == {"2026-01-15", "2026-01-16"}


def test_no_lock_is_said_so(application: Application) -> None:
    for day in sorted(_held(application)):
        _invoke("release", day, "--type", "grading", "--yes")
    assert _invoke().output == "No lock is held.\n"
