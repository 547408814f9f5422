"""Imports run one way, clients are built in one place, and a cold start loads no more than it needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("grading", "locking", "validation", "alerts", "maintenance", "monitoring")
GROUND = {"grading.errors", "grading.clock"}
# What a package may import from the others besides the ground: their types, never their implementations.
ALLOWED = {
    "locking": {"monitoring.events"},
    "validation": set(),
    "alerts": {"monitoring.events", "locking.store", "validation.duplicates"},
    "monitoring": set(),
}
ENVIRONMENT_READERS = {"grading/wiring.py"}


def modules() -> Iterator[tuple[Path, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            relative = path.relative_to(ROOT)
            yield path, ".".join(relative.with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports at its top level."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                f"{node.module}.{alias.name}" if (ROOT / node.module.replace(".", "/")).is_dir() else node.module
                for alias in node.names
            )
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_types_of_its_siblings(package: str) -> None:
    for path, name in modules():
        if name.split(".")[0] != package:
            continue
        for imported in imports(path):
            top = imported.split(".")[0]
            if top in PACKAGES and top != package:
                assert imported in GROUND | ALLOWED[package], f"{name} imports {imported}"


def test_nothing_below_imports_the_wiring() -> None:
    """Only entry points know how things are built."""
    above = {"grading.api", "grading.wiring", "grading.__main__"}
    for path, name in modules():
        if name in above or name.startswith("grading.cli"):
            continue
        for imported in imports(path):
            assert not imported.startswith(("grading.wiring", "grading.cli", "grading.api")), f"{name}: {imported}"


def test_only_the_wiring_reads_the_environment() -> None:
    for path, name in modules():
        if str(path.relative_to(ROOT)) in ENVIRONMENT_READERS or name.startswith("grading.cli"):
            continue
        tree = ast.parse(path.read_text())
        read = [
            node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        ]
        assert not read, f"{name} reads the environment"


def test_a_cold_start_leaves_what_it_may_not_need_for_later() -> None:
    """Firestore, Secret Manager, Monitoring and the terminal's libraries are imported at first use."""
    lazy = ("google.cloud.firestore", "google.cloud.secretmanager", "google.cloud.monitoring_v3", "rich", "grading.cli")
    code = f"import sys, main; print([name for name in {lazy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
