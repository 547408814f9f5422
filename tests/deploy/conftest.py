"""One fake project server for the session."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from localdev.sdk import gcloud
from tests.deploy.cloud import ROOT, Cloud, cloud
from tests.deploy.projects import fresh, with_old_system

CACHE = ROOT / ".pytest_cache/deploy"


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The fake; it needs the real gcloud for its linter and its printer."""
    if gcloud() is None:
        pytest.skip("needs the gcloud SDK, whose linter and printer the fake uses: not on the PATH")
    CACHE.mkdir(parents=True, exist_ok=True)
    with cloud(tmp_path_factory.mktemp("cloud")) as found:
        lint_all_at_once(found, CACHE / "linted")
        yield found


def lint_all_at_once(google: Cloud, stamp: Path) -> None:
    """Show the linter the commands of the usual runs in one go; it takes two seconds to start.

    From then on each command is shown to it before it is carried out, unless its answer is known. Not done again as
    long as deploy.sh is the same.
    """
    sources = [ROOT / "deploy.sh", *sorted((ROOT / "deploy").glob("*.sh")), Path(__file__).parent / "projects.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    calls = []
    for project in (fresh(), with_old_system()):
        for arguments in ((), (), ("rollback",), ("rollback",), (), (), ("destroy", "--yes")):
            run = google.deploy(project, *arguments, lint="later")
            calls += run.calls
            project = run.project
    assert google.lint(calls) == {}
    stamp.write_text(digest)
