"""Each store of the lock, behind one fixture: a contract test runs once on each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from locking.store import LockStore


@pytest.fixture(params=["sqlite", pytest.param("firestore", marks=pytest.mark.firestore)])
def lock_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LockStore]:
    """An empty lock store."""
    if request.param == "sqlite":
        from locking.sqlite_store import SQLiteLockStore

        store: LockStore = SQLiteLockStore(tmp_path / "locks.db")
        yield store
        store.close()
        return
    from google.cloud import firestore

    from locking.firestore_store import FirestoreLockStore

    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_emulator").host)
    client = firestore.Client(project=f"contract-{uuid.uuid4().hex[:12]}")
    yield FirestoreLockStore(client)
    client.close()
