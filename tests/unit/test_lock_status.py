"""What a lock document says about its holder: by the server's clock alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from locking.status import Claim, LockStatus
from locking.store import Document, Key

KEY = Key("grading_locks", "grading_2026-01-17")
NOW_US = 1_768_608_000_000_000
MINUTE_US = 60_000_000


def status(*, age: float, held_us: int = 0, **fields: Any) -> LockStatus:
    version = NOW_US
    content = {"holder_id": "h", "lease_seconds": 60.0, "token": version - held_us if held_us else 0, **fields}
    return LockStatus.of(Document(KEY, content, version, age))


@pytest.mark.parametrize(
    ("age", "held_us", "state"),
    [
        (0.0, 0, "live"),
        (60.0, 0, "live"),
        (60.1, 0, "expired"),
        (599.0, 0, "expired"),
        (10.0, 9 * MINUTE_US, "live"),
        (10.0, 10 * MINUTE_US, "stuck"),
        (601.0, 0, "stuck"),
    ],
)
def test_states(age: float, held_us: int, state: str) -> None:
    assert status(age=age, held_us=held_us).state == state


def test_the_time_held_counts_from_the_acquisition_and_the_heartbeats_from_the_last_renewal() -> None:
    held = status(age=7.5, held_us=2 * MINUTE_US)
    assert held.held_seconds == pytest.approx(127.5)
    assert held.heartbeat_age_seconds == 7.5
    assert held.token == NOW_US - 2 * MINUTE_US


def test_before_the_first_renewal_the_version_is_the_token() -> None:
    assert status(age=1.0).token == NOW_US


def test_the_holders_clock_takes_no_part() -> None:
    """Ten minutes off in either direction: the same status."""
    claim = Claim(key=KEY, lock_type="grading", lock_key="k", holder_id="h", operation_id="o", lease_seconds=60.0)
    seen = [
        LockStatus.of(
            Document(KEY, claim.fields(datetime(2026, 1, 17, tzinfo=UTC) + timedelta(minutes=skew)), NOW_US, 5)
        )
        for skew in (-10, 0, 10)
    ]
    assert seen[0] == seen[1] == seen[2]


def test_a_document_of_another_writer_is_given_five_minutes() -> None:
    """The system that this one replaces wrote no lease; its live lock must not be taken."""
    assert not LockStatus.of(Document(KEY, {"locked_by": "old"}, NOW_US, 299.0)).expired
    assert LockStatus.of(Document(KEY, {"locked_by": "old"}, NOW_US, 301.0)).expired


def test_a_renewal_says_when_the_lock_was_acquired_by_the_server() -> None:
    claim = Claim(key=KEY, lock_type="grading", lock_key="k", holder_id="h", operation_id="o", lease_seconds=60.0)
    wrong = datetime(2030, 1, 1, tzinfo=UTC)
    assert claim.fields(wrong)["acquired_at"] == wrong
    assert claim.fields(wrong, token=NOW_US, heartbeat=1)["acquired_at"] == datetime(2026, 1, 17, tzinfo=UTC)


def test_garbage_collection_is_far_beyond_each_heartbeat() -> None:
    """Firestore's TTL policy deletes by this field: a live lock must never come near it."""
    claim = Claim(key=KEY, lock_type="grading", lock_key="k", holder_id="h", operation_id="o", lease_seconds=60.0)
    now = datetime(2026, 1, 17, tzinfo=UTC)
    assert claim.fields(now, token=1, heartbeat=9)["expires_at"] == now + timedelta(days=7)
