"""Each store of the lock, behind one fixture: a contract test runs once on each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from locking.store import DocumentStore
from tests.contract.state_processes import StoreRecipe


@pytest.fixture(params=["sqlite", pytest.param("firestore", marks=pytest.mark.firestore)])
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> StoreRecipe:
    """How any process opens the same empty store."""
    if request.param == "sqlite":
        return StoreRecipe(sqlite_path=str(tmp_path / "state.sqlite3"))
    host = request.getfixturevalue("firestore_emulator").host
    return StoreRecipe(firestore_host=host, project=f"demo-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def store(recipe: StoreRecipe, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentStore]:
    """An empty lock store."""
    if recipe.firestore_host:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", recipe.firestore_host)
    opened = recipe.open()
    yield opened
    opened.close()
