"""The Firestore store beyond the common contract: its documents, its errors, its listener, and no hidden retry."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from google.cloud import firestore

from foundation.errors import LockStoreUnavailable
from localdev.firestore import FirestoreEmulator
from localdev.firestore_proxy import Fault, FirestoreProxy
from localdev.processes import wait_until
from locking import DistributedLock
from locking.firestore.store import FirestoreLockStore
from locking.store import Key, StoreContended, StoreUnanswered

pytestmark = pytest.mark.firestore

KEY = Key("grading_locks", "grading_2026-01-17")
FIELDS = {"holder_id": "a"}


@pytest.fixture
def proxy(firestore_emulator: FirestoreEmulator) -> Iterator[FirestoreProxy]:
    with FirestoreProxy(firestore_emulator.host) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FirestoreProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.host)
    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    yield client
    client.close()


@pytest.fixture
def store(client: firestore.Client) -> FirestoreLockStore:
    store = FirestoreLockStore(client)
    store.read(Key("warm", "up"), timeout=20)
    return store


def test_the_lock_document_is_what_the_documentation_says(
    client: firestore.Client, store: FirestoreLockStore, proxy: FirestoreProxy
) -> None:
    """Read with Google's own client, as an operator in the console would see it."""
    with DistributedLock("demo", store=store).acquire(date(2026, 1, 17), "op-1") as lease:
        found = client.document("grading_locks/grading_2026-01-17").get().to_dict()
    times = {name: found.pop(name) for name in ("acquired_at", "expires_at")}
    assert found == {
        "holder_id": lease.holder_id,
        "operation_id": "op-1",
        "lock_type": "grading",
        "lock_key": "2026-01-17",
        "token": 0,
        "heartbeat": 0,
        "lease_seconds": 60.0,
        "host": socket.gethostname(),
        "process": os.getpid(),
    }
    assert abs((datetime.now(UTC) - times["acquired_at"]).total_seconds()) < 60
    assert (times["expires_at"] - times["acquired_at"]).days == 7


def test_a_document_with_kinds_of_values_that_no_lock_holds_can_be_read(
    client: firestore.Client, store: FirestoreLockStore
) -> None:
    """The system that this one replaces may have left anything there."""
    client.document("grading_locks/grading_2026-01-17").set({"holder_id": "old", "tags": ["a"], "more": {"b": 1}})
    document = store.read(KEY, timeout=5)
    assert document is not None
    assert document.fields["holder_id"] == "old"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("refuse", StoreUnanswered),
        ("cut", StoreUnanswered),
        ("hang", StoreUnanswered),
        ("abort", StoreContended),
        ("deny", LockStoreUnavailable),
    ],
)
def test_each_failure_has_its_error_and_is_one_call(
    store: FirestoreLockStore, proxy: FirestoreProxy, fault: Fault, error: type[Exception]
) -> None:
    proxy.calls.clear()
    proxy.once("Commit", fault)
    with pytest.raises(error) as caught:
        store.create(KEY, FIELDS, timeout=1)
    assert type(caught.value) is error
    proxy.once("BatchGetDocuments", fault)
    with pytest.raises(error):
        store.read(KEY, timeout=1)
    proxy.once("RunQuery", fault)
    with pytest.raises(error):
        store.list("grading_locks", timeout=1)
    proxy.once("ListDocuments", fault)
    with pytest.raises(error):
        store.versions("grading_locks", timeout=1)
    assert set(proxy.calls.values()) == {1}


def test_no_call_outlives_its_timeout(store: FirestoreLockStore, proxy: FirestoreProxy) -> None:
    for method, call in {
        "Commit": lambda: store.create(KEY, FIELDS, timeout=0.3),
        "BatchGetDocuments": lambda: store.read(KEY, timeout=0.3),
        "RunQuery": lambda: store.list("grading_locks", timeout=0.3),
        "ListDocuments": lambda: store.versions("grading_locks", timeout=0.3),
    }.items():
        proxy.once(method, "hang")
        started = time.monotonic()
        with pytest.raises(StoreUnanswered):
            call()
        assert time.monotonic() - started < 2


def test_a_refused_listener_is_not_alive(store: FirestoreLockStore, proxy: FirestoreProxy) -> None:
    proxy.once("Listen", "refuse")
    watch = store.watch([KEY], lambda _key, _exists: None)
    assert wait_until(lambda: not watch.alive, timeout_seconds=10)
    watch.close()
