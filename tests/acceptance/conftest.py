"""The whole local stack, once for all acceptance tests: each test grades dates of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localdev.environment import isolated
from localdev.stack import LocalStack

_DEMO_SECONDS = 100.0

MakeDemo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Emulators, Slack sink and the function under functions-framework, as the demo starts them."""
    with LocalStack(tmp_path_factory.mktemp("acceptance")) as running:
        yield running


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def make_demo(repository: Path) -> MakeDemo:
    """Runs `make demo VARIABLE=value ...` with the interpreter of this test, whose requirements are installed."""

    def run(*variables: str) -> subprocess.CompletedProcess[str]:
        installed = ("-o", ".venv/installed-requirements.txt", f"IN_VENV={sys.executable}")
        return subprocess.run(
            ["make", "--no-print-directory", *installed, "demo", *variables],
            cwd=repository,
            env=isolated(),
            capture_output=True,
            text=True,
            timeout=_DEMO_SECONDS,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def sample_demo(make_demo: MakeDemo) -> subprocess.CompletedProcess[str]:
    """One run of `make demo`, for all who look at what it says."""
    return make_demo()
