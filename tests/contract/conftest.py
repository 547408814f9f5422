"""Each store of the lock, behind one fixture: a contract test runs once on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from locking.store import DocumentStore
from tests.contract.state_processes import EVERY_STORE, StoreRecipe, recipe_of


@pytest.fixture(params=EVERY_STORE)
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> StoreRecipe:
    """How any process opens the same empty store."""
    return recipe_of(request, tmp_path)


@pytest.fixture
def store(recipe: StoreRecipe) -> Iterator[DocumentStore]:
    """An empty lock store."""
    opened = recipe.open()
    yield opened
    opened.close()
