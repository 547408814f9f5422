"""The version stands in pyproject.toml, and is dated in the changelog."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_newest_dated_entry_of_the_changelog_is_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = re.findall(
        r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert entries
    assert entries[0][0] == project["version"]


def test_the_package_requires_what_the_function_requires() -> None:
    """And what the command line shows its tables with; nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    deployed = {line for line in lines if line and not line.startswith("#")}
    assert set(project["dependencies"]) == deployed | {"rich"}
