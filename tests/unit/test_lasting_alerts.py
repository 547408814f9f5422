"""An alert of a state that lasts is reported again only if the state gets worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from alerts import upkeep_messages as messages
from alerts.alert import Alert
from alerts.suppression import SuppressingNotifier
from alerts.upkeep_messages import Outcome
from foundation.clock import SystemClock
from foundation.events import EventLog
from locking.sqlite_store import SQLiteLockStore
from tests.fakes import RecordingNotifier


@pytest.fixture
def inner() -> RecordingNotifier:
    return RecordingNotifier()


@pytest.fixture
def notifier(tmp_path: Path, inner: RecordingNotifier) -> Iterator[SuppressingNotifier]:
    """One for which each moment is a day later than the one before."""
    store = SQLiteLockStore(tmp_path / "state.sqlite3")
    yield SuppressingNotifier(inner, store, EventLog(), SystemClock(), environment="test", interval_seconds=-1)
    store.close()


def check(outcome: Outcome = "warn", *, count: int | None = None, names: Sequence[str] = ()) -> Alert:
    return messages.quality_check_result(
        name="c", meaning="m", outcome=outcome, figure="f", threshold="t", next_command=None, count=count, names=names
    )


def told(notifier: SuppressingNotifier, inner: RecordingNotifier, *alerts: Alert) -> list[bool]:
    """For each alert, whether it was delivered."""
    found = []
    for alert in alerts:
        before = len(inner.alerts)
        assert notifier.send(alert)
        found.append(len(inner.alerts) > before)
    return found


def test_time_is_no_news(notifier: SuppressingNotifier, inner: RecordingNotifier) -> None:
    assert told(notifier, inner, check(), check(), check()) == [True, False, False]


def test_a_failure_after_a_warning_is_news_and_a_warning_after_it_is_not(
    notifier: SuppressingNotifier, inner: RecordingNotifier
) -> None:
    alerts = check("warn"), check("fail"), check("warn"), check("fail")
    assert told(notifier, inner, *alerts) == [True, True, False, False]


def test_a_count_is_news_when_it_has_doubled(notifier: SuppressingNotifier, inner: RecordingNotifier) -> None:
    alerts = [check(count=count) for count in (3, 5, 4, 6, 11, 3, 12)]
    assert told(notifier, inner, *alerts) == [True, False, False, True, False, False, True]


def test_a_new_name_is_news_and_one_that_comes_back_is(notifier: SuppressingNotifier, inner: RecordingNotifier) -> None:
    """A name that is gone is none; a shorter list is remembered."""
    alerts = [check(names=names) for names in (["a"], ["a", "b"], ["b"], ["b"], ["a", "b"])]
    assert told(notifier, inner, *alerts) == [True, True, False, False, True]


def test_after_its_end_it_is_news_again(notifier: SuppressingNotifier, inner: RecordingNotifier) -> None:
    assert told(notifier, inner, check(names=["a"])) == [True]
    assert notifier.resolve("quality_c", None, None)
    assert told(notifier, inner, check(names=["a"])) == [True]


def test_a_check_that_could_not_be_run_is_another_state(
    notifier: SuppressingNotifier, inner: RecordingNotifier
) -> None:
    not_run = messages.quality_check_result(
        name="c",
        meaning="m",
        outcome="fail",
        figure="could not be run",
        threshold="t",
        next_command=None,
        not_run=True,
    )
    assert told(notifier, inner, check(), not_run, check(), not_run) == [True, True, False, False]
