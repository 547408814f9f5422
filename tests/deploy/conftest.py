"""One fake project server for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localdev.sdk import gcloud
from tests.deploy.cloud import Cloud, cloud


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """The fake; it needs the real gcloud for its linter and its printer."""
    if gcloud() is None:
        pytest.skip("needs the gcloud SDK, whose linter and printer the fake uses: not on the PATH")
    with cloud(tmp_path_factory.mktemp("cloud"), request.config.cache.mkdir("deploy")) as found:  # type: ignore[union-attr]
        yield found
