"""A proxy carries calls out and loses the answers, or swallows the calls. No lock is lost to oneself, or leaks."""

from __future__ import annotations

import pytest

from localdev.firestore import FirestoreEmulator
from localdev.firestore_proxy import Fault, FirestoreProxy
from tests.contract.state_processes import StoreRecipe
from tests.faults.lock.conftest import SHORT, StartWorker, fresh_project, wait_for_line

pytestmark = pytest.mark.firestore

LOST: list[Fault] = ["cut", "swallow"]


@pytest.fixture
def beyond(proxy: FirestoreProxy) -> StoreRecipe:
    """The store behind the proxy."""
    return StoreRecipe(firestore_host=proxy.host, project=fresh_project())


@pytest.fixture
def direct(beyond: StoreRecipe, firestore_emulator: FirestoreEmulator) -> StoreRecipe:
    """The same store, past the proxy."""
    return StoreRecipe(firestore_host=firestore_emulator.host, project=beyond.project)


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_the_create_is_adopted(
    beyond: StoreRecipe, direct: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker, fault: Fault
) -> None:
    worker, rival = start_worker(beyond), start_worker(direct)
    proxy.once("Commit", fault)
    acquired = worker.do("acquire")
    assert acquired.error is None
    assert proxy.pending() == 0
    assert not acquired.value["contended"]
    assert rival.do("acquire", wait=0).error == "LockAcquisitionError"
    assert worker.do("release").error is None
    assert rival.do("acquire", wait=0).value["token"] > acquired.value["token"]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_a_renewal_keeps_the_lock(
    beyond: StoreRecipe, direct: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker, fault: Fault
) -> None:
    worker, rival = start_worker(beyond), start_worker(direct)
    worker.do("acquire")
    proxy.once("Commit", fault)
    assert rival.do("acquire", wait=2 * SHORT.lease_seconds).error == "LockAcquisitionError"
    assert proxy.pending() == 0
    assert worker.do("ensure_held").error is None
    worker.do("release")
    assert [name for name, _ in worker.do("events").value] == ["lock_acquired", "lock_released"]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_the_release_is_a_release(
    beyond: StoreRecipe, direct: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker, fault: Fault
) -> None:
    worker, rival = start_worker(beyond), start_worker(direct)
    worker.do("acquire")
    proxy.once("Commit", fault)
    assert worker.do("release").error is None
    assert proxy.pending() == 0
    assert worker.do("events").value[-1][0] == "lock_released"
    assert rival.do("acquire", wait=0).error is None


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_the_takeover_is_adopted(
    beyond: StoreRecipe, direct: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker, fault: Fault
) -> None:
    """Its commits are: the create that is refused, then the takeover."""
    dead, worker = start_worker(direct), start_worker(beyond)
    dead.do("acquire")
    dead.kill()
    worker.do("hang", seconds=SHORT.lease_seconds + 0.2)
    proxy.once("Commit", "refuse")
    proxy.once("Commit", fault)
    proxy.once("Commit", fault)
    acquired = worker.do("acquire")
    assert acquired.error is None
    assert worker.do("ensure_held").error is None


def test_a_call_that_hangs_once_is_repeated(
    beyond: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker
) -> None:
    worker = start_worker(beyond)
    proxy.once("Commit", "hang")
    acquired = worker.do("acquire")
    assert acquired.error is None
    assert acquired.seconds < 3 * SHORT.rpc_timeout_seconds


def test_a_waiter_without_listener_polls(
    beyond: StoreRecipe, direct: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker
) -> None:
    """Listen never works: the safety poll alone finds the lock free."""
    holder, waiter = start_worker(direct), start_worker(beyond)
    proxy.always("Listen", "refuse")
    holder.do("acquire")
    waiter.start("acquire")
    wait_for_line(direct, 1)
    released = holder.do("release")
    taken = waiter.reply()
    assert taken.error is None
    assert taken.at - released.at < 2.5 * SHORT.safety_poll_seconds


def test_a_waiter_that_cannot_take_a_ticket_polls(
    beyond: StoreRecipe, direct: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker
) -> None:
    """The line is a convenience: with its calls failing, and the lock's own working, the lock still works."""
    holder, waiter = start_worker(direct), start_worker(beyond)
    proxy.always("ListDocuments", "refuse")
    holder.do("acquire")
    waiter.start("acquire")
    wait_for_line(direct, 1)
    holder.do("release")
    assert waiter.reply().error is None


def test_an_uncontended_lock_costs_two_calls(
    beyond: StoreRecipe, proxy: FirestoreProxy, start_worker: StartWorker
) -> None:
    """Counted at the wire, without a grace for the client's own retries."""
    worker = start_worker(beyond)
    worker.do("hang", seconds=0)
    proxy.calls.clear()
    worker.do("acquire")
    worker.do("release")
    assert dict(proxy.calls) == {"Commit": 2}
