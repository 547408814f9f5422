"""Workers on each store, and an emulator that may be killed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from localdev.firestore import FirestoreEmulator
from localdev.firestore_proxy import FirestoreProxy
from localdev.processes import wait_until
from locking import LockTimings
from locking.line import waiters
from locking.lock import lock_document
from tests.contract.state_processes import EVERY_STORE, StoreRecipe, recipe_of
from tests.faults.lock.worker import Worker

SHORT = LockTimings(
    lease_seconds=2.0,
    renew_every_seconds=0.5,
    rpc_timeout_seconds=1.0,
    outage_seconds=5.0,
    safety_poll_seconds=1.0,
)
"""The lock's timings, scaled down so that a test need not wait a minute for a lease to end."""

StartWorker = Callable[..., Worker]


def wait_for_line(where: StoreRecipe, waiting: int) -> None:
    """Return once so many waiters stand in line."""
    store = where.open()
    line = waiters(lock_document("grading", "k"))
    assert wait_until(lambda: len(store.versions(line, timeout=5)) == waiting, timeout_seconds=20)
    store.close()


def fresh_project() -> str:
    """A project of its own: nothing is shared between two tests on one emulator."""
    return f"demo-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=EVERY_STORE)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> StoreRecipe:
    """Each store in turn."""
    return recipe_of(request, tmp_path)


@pytest.fixture
def start_worker() -> Iterator[StartWorker]:
    """Starts workers, and kills them when the test ends."""
    with ExitStack() as stack:

        def start(where: StoreRecipe, timings: LockTimings = SHORT, *, skew_seconds: float = 0.0) -> Worker:
            return stack.enter_context(Worker(where, timings, skew_seconds=skew_seconds))

        yield start


@pytest.fixture(scope="module")
def mortal_emulator(
    firestore_emulator: FirestoreEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FirestoreEmulator]:
    """An emulator for tests that kill it. (It names the shared one so as to be skipped with it.)"""
    with FirestoreEmulator(log_directory=tmp_path_factory.mktemp("mortal")) as emulator:
        yield emulator


@pytest.fixture
def own_emulator(mortal_emulator: FirestoreEmulator) -> Iterator[FirestoreEmulator]:
    """The emulator to kill, pause and restart; running again for the next test."""
    mortal_emulator.start()
    yield mortal_emulator
    mortal_emulator.resume()


@pytest.fixture
def proxy(firestore_emulator: FirestoreEmulator) -> Iterator[FirestoreProxy]:
    """A proxy before the shared emulator."""
    with FirestoreProxy(firestore_emulator.host) as proxy:
        yield proxy
