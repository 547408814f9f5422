"""Processes whose wall clock is ten minutes off."""

from __future__ import annotations

import pytest

from tests.contract.state_processes import StoreRecipe
from tests.faults.lock.conftest import SHORT, StartWorker

LEASE = SHORT.lease_seconds


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_a_contender_with_a_wrong_clock_does_not_steal_a_live_lock(
    where: StoreRecipe, start_worker: StartWorker, skew: float
) -> None:
    holder, contender = start_worker(where), start_worker(where, skew_seconds=skew)
    holder.do("acquire")
    assert contender.do("acquire", wait=LEASE + 0.5).error == "LockAcquisitionError"
    assert holder.do("ensure_held").error is None


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_a_holder_with_a_wrong_clock_keeps_its_lock_while_it_lives(
    where: StoreRecipe, start_worker: StartWorker, skew: float
) -> None:
    holder, contender = start_worker(where, skew_seconds=skew), start_worker(where)
    holder.do("acquire")
    assert contender.do("acquire", wait=LEASE + 0.5).error == "LockAcquisitionError"
    assert holder.do("ensure_held").error is None


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_a_wrong_clock_does_not_make_the_takeover_later(
    where: StoreRecipe, start_worker: StartWorker, skew: float
) -> None:
    holder, contender = start_worker(where, skew_seconds=-skew), start_worker(where, skew_seconds=skew)
    holder.do("acquire")
    holder.kill()
    taken = contender.do("acquire")
    assert taken.value["taken_from"]
    assert taken.seconds < LEASE + 1
