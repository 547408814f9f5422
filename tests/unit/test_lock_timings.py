"""Timings that would be unsafe are refused."""

from __future__ import annotations

import pytest

from foundation.errors import InvalidSettings
from locking import LockTimings


def test_the_defaults_are_a_minutes_lease_renewed_three_times() -> None:
    timings = LockTimings()
    assert (timings.lease_seconds, timings.renew_every_seconds, timings.rpc_timeout_seconds) == (60, 20, 5)
    assert timings.outage_seconds < 10


@pytest.mark.parametrize("name", LockTimings.__slots__)
def test_no_duration_may_be_zero(name: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{name} must be positive, not 0"):
        LockTimings(**{name: 0})


def test_a_lease_shorter_than_two_renewals_and_a_slow_call_is_refused() -> None:
    with pytest.raises(InvalidSettings, match=r"lease_seconds=44 is too short: .* take 45 s"):
        LockTimings(lease_seconds=44)
    assert LockTimings(lease_seconds=45).lease_seconds == 45


def test_one_slow_answer_is_not_an_outage() -> None:
    with pytest.raises(InvalidSettings, match="one slow answer is not an outage"):
        LockTimings(outage_seconds=5)
