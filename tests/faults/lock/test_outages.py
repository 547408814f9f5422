"""The Firestore emulator dies, comes back empty, or hangs: during a wait, a hold and a release.

Its data is in memory, so a restart is worse than any outage of the real thing: every lock is gone too.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from localdev.firestore import FirestoreEmulator
from localdev.processes import free_port
from locking import LockTimings
from tests.contract.state_processes import StoreRecipe
from tests.faults.lock.conftest import SHORT, StartWorker, fresh_project, wait_for_line

pytestmark = pytest.mark.firestore

PRODUCTION = LockTimings()
PATIENT = replace(SHORT, outage_seconds=30.0)
"""gRPC takes seconds to connect again, and a loaded machine to start a JVM."""


@pytest.fixture
def there(own_emulator: FirestoreEmulator) -> StoreRecipe:
    return StoreRecipe(firestore_host=own_emulator.host, project=fresh_project())


def test_a_dead_or_hanging_store_is_told_within_10_seconds(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    """Nothing listens on the port; or connections stay open and nothing answers, also on one that has worked."""
    nowhere = StoreRecipe(firestore_host=f"127.0.0.1:{free_port()}", project=fresh_project())
    dead, fresh, warm = (start_worker(where, PRODUCTION) for where in (nowhere, there, there))
    warm.do("acquire")
    warm.do("release")
    own_emulator.pause()
    workers = (dead, fresh, warm)
    for worker in workers:
        worker.start("acquire", wait=300.0)
    for worker in workers:
        reply = worker.reply()
        assert reply.error == "LockStoreUnavailable"
        assert reply.seconds <= 10


def test_a_short_wait_is_not_stretched_by_a_hanging_store(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    """Waiting is bounded, whatever the store does: here 2 s, and at most one last call of 1 s beyond."""
    worker = start_worker(there, PRODUCTION)
    worker.do("hang", seconds=0)
    own_emulator.pause()
    reply = worker.do("acquire", wait=2.0)
    assert reply.error == "LockStoreUnavailable"
    assert reply.seconds < 4.5


def test_restart_during_a_wait_the_waiter_gets_the_lock(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    """The lock is gone with the emulator's memory; its old holder finds out before it does harm."""
    holder, waiter = start_worker(there), start_worker(there, PATIENT)
    holder.do("acquire")
    waiter.start("acquire")
    wait_for_line(there, 1)
    own_emulator.kill()
    own_emulator.start()
    assert waiter.reply().error is None
    assert holder.do("hang", seconds=SHORT.lease_seconds).error is None
    assert holder.do("ensure_held").error == "LeaseLost"
    assert waiter.do("ensure_held").error is None


def test_an_outage_shorter_than_the_lease_does_not_lose_the_lock(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    """The store hangs over one renewal, and keeps its data: the holder renews when it answers again."""
    holder = start_worker(there)
    holder.do("acquire")
    own_emulator.pause()
    holder.do("hang", seconds=SHORT.renew_every_seconds * 2)
    own_emulator.resume()
    holder.do("hang", seconds=SHORT.lease_seconds * 1.5)
    assert holder.do("ensure_held").error is None
    assert holder.do("release").error is None
    assert [name for name, _ in holder.do("events").value] == ["lock_acquired", "lock_released"]


def test_restart_during_a_hold_the_holder_notices_that_its_lock_is_gone(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    holder = start_worker(there)
    holder.do("acquire")
    own_emulator.kill()
    own_emulator.start()
    holder.do("hang", seconds=SHORT.lease_seconds)
    assert holder.do("ensure_held").error == "LeaseLost"
    assert holder.do("release").error is None


def test_a_store_that_is_dead_at_the_release_delays_little_and_harms_nothing(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    """The work is done: an unreleased lock expires with its lease, and the next holder needs no one's help."""
    holder = start_worker(there)
    holder.do("acquire")
    own_emulator.pause()
    released = holder.do("release")
    assert released.error is None
    assert released.seconds < SHORT.outage_seconds + 1
    assert holder.do("events").value[-1][0] == "lock_left"
    own_emulator.resume()
    assert start_worker(there).do("acquire", wait=SHORT.lease_seconds + 2).error is None


def test_restart_during_a_release_is_no_error(
    there: StoreRecipe, own_emulator: FirestoreEmulator, start_worker: StartWorker
) -> None:
    holder = start_worker(there, PATIENT)
    holder.do("acquire")
    own_emulator.kill()
    holder.start("release")
    own_emulator.start()
    assert holder.reply().error is None
    assert start_worker(there).do("acquire", wait=2).error is None
