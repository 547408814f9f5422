"""Holders and waiters that freeze, hang or die."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from localdev.processes import wait_until
from tests.contract.state_processes import StoreRecipe
from tests.faults.lock.conftest import SHORT, StartWorker, wait_for_line

LEASE = SHORT.lease_seconds


def test_a_holder_frozen_past_its_lease_notices_and_leaves_the_successor_alone(
    where: StoreRecipe, start_worker: StartWorker
) -> None:
    """SIGSTOP, takeover, SIGCONT: the first notices by `ensure_held()` alone, and its release removes nothing."""
    first, second = start_worker(where), start_worker(where)
    held = first.do("acquire").value
    first.pause()
    taken = second.do("acquire", wait=LEASE + 5)
    assert taken.value["taken_from"] == held["holder_id"]
    assert taken.value["token"] > held["token"]
    first.resume()
    assert first.do("ensure_held").error == "LeaseLost"
    assert first.do("release").error is None
    assert "lock_lost" in [name for name, _ in first.do("events").value]
    assert "lock_released" not in [name for name, _ in first.do("events").value]
    assert second.do("ensure_held").error is None
    third = start_worker(where)
    assert third.do("acquire", wait=0).error == "LockAcquisitionError"


def test_a_holder_frozen_for_less_than_its_lease_keeps_the_lock(where: StoreRecipe, start_worker: StartWorker) -> None:
    first, second = start_worker(where), start_worker(where)
    first.do("acquire")
    first.pause()
    assert second.do("acquire", wait=LEASE / 3).error == "LockAcquisitionError"
    first.resume()
    assert second.do("acquire", wait=2 * LEASE).error == "LockAcquisitionError"
    assert first.do("ensure_held").error is None


def test_renewal_carries_a_live_holder_far_beyond_its_lease(where: StoreRecipe, start_worker: StartWorker) -> None:
    first, second = start_worker(where), start_worker(where)
    first.do("acquire")
    assert second.do("acquire", wait=2.5 * LEASE).error == "LockAcquisitionError"
    assert first.do("ensure_held").error is None


def test_a_killed_holder_is_replaced_within_its_lease_and_a_second(
    where: StoreRecipe, start_worker: StartWorker
) -> None:
    first, second = start_worker(where), start_worker(where)
    first.do("acquire")
    second.start("acquire")
    first.do("ensure_held")
    first.kill()
    taken = second.reply()
    assert taken.value["taken_from"]
    assert taken.seconds < LEASE + 1


def test_an_abandoned_lock_expires_and_is_taken_over(where: StoreRecipe, start_worker: StartWorker) -> None:
    """For a write that may still commit: the lock must outlive the process's interest in it, but not for ever."""
    first, second = start_worker(where), start_worker(where)
    first.do("acquire")
    first.do("abandon")
    first.do("release")
    assert second.do("acquire", wait=0).error == "LockAcquisitionError"
    assert second.do("acquire", wait=LEASE + 1).value["taken_from"]


def test_a_main_thread_that_hangs_past_the_deadline_stops_renewing(
    where: StoreRecipe, start_worker: StartWorker
) -> None:
    first, second = start_worker(where), start_worker(where)
    first.do("acquire", deadline=1.0)
    first.start("hang", seconds=30)
    taken = second.do("acquire", wait=1.0 + LEASE + 2)
    assert taken.value["taken_from"]


@pytest.mark.parametrize("dead", [1, 2])
def test_dead_waiters_ahead_cost_the_next_one_moments(where: StoreRecipe, start_worker: StartWorker, dead: int) -> None:
    """Tickets of killed waiters are passed over: by the stagger for one, by the safety poll for more."""
    # So that it is not the lease's end that wakes the last one, nor, behind one dead waiter, the safety poll.
    poll_seconds = 60.0 if dead == 1 else SHORT.safety_poll_seconds
    unhurried = replace(SHORT, lease_seconds=60.0, safety_poll_seconds=poll_seconds)
    holder = start_worker(where, unhurried)
    holder.do("acquire")
    doomed = [start_worker(where, unhurried) for _ in range(dead)]
    last = start_worker(where, unhurried)
    for place, worker in enumerate([*doomed, last], start=1):
        worker.start("acquire")
        wait_for_line(where, place)
    for worker in doomed:
        worker.kill()
    released = holder.do("release")
    taken = last.reply()
    assert taken.error is None
    assert taken.at - released.at < 2.5 * SHORT.safety_poll_seconds
    last.do("release")
    wait_for_line(where, 0)


def test_a_waiter_that_was_only_slow_still_gets_its_turn(where: StoreRecipe, start_worker: StartWorker) -> None:
    """Frozen when its turn came, passed over, thawed: it gets the lock from the one that passed it."""
    holder, slow, quick = start_worker(where), start_worker(where), start_worker(where)
    holder.do("acquire")
    slow.start("acquire")
    wait_for_line(where, 1)
    quick.start("acquire")
    wait_for_line(where, 2)
    slow.pause()
    holder.do("release")
    assert quick.reply().error is None
    slow.resume()
    quick.do("release")
    assert slow.reply().error is None


def test_a_crowd_gets_through_after_its_holder_is_killed(where: StoreRecipe, start_worker: StartWorker) -> None:
    """Takeover with a crowd in line: nobody errs, and the line works on behind it."""
    holder = start_worker(where)
    holder.do("acquire")
    crowd = [start_worker(where) for _ in range(4)]
    for worker in crowd:
        worker.start("acquire")
    wait_for_line(where, len(crowd))
    holder.kill()
    tokens = []
    while crowd:
        assert wait_until(lambda: any(worker.has_replied() for worker in crowd), timeout_seconds=LEASE + 5)
        (worker,) = [worker for worker in crowd if worker.has_replied()]
        tokens.append(worker.reply().value["token"])
        worker.do("release")
        crowd.remove(worker)
    assert all(earlier < later for earlier, later in pairwise(tokens))
    wait_for_line(where, 0)
