"""The whole local stack, once for all acceptance tests: each test grades dates of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localdev.stack import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Emulators, Slack sink and the function under functions-framework, as the demo starts them."""
    with LocalStack(tmp_path_factory.mktemp("acceptance")) as running:
        yield running


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[2]
