"""Imports run one way, clients are built in one place, and a cold start loads no more than it needs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the top; a module may import from its own floor and from those below it, never from one above, also not inside
# a function. The first entry that begins a module's name is its floor; modules of one line share a floor.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("tests", "bench", "conformance"),
    ("localdev",),
    ("main", "grading.__main__"),
    ("grading.cli",),
    ("grading.api",),
    ("grading.wiring",),
    ("grading.clients",),
    ("grading.pubsub",),
    ("grading.report",),
    ("grading.maintenance",),
    ("grading.dates",),
    ("grading.service", "grading.breaker_count", "grading.check_after", "grading.outcome_alerts"),
    ("grading.writing",),
    ("grading.audit", "grading.history", "grading.locker", "grading.breaker", "grading.memory"),
    ("grading.batch",),
    ("grading.run",),
    ("grading.trace",),
    ("grading.hold", "grading.outcome", "grading.coverage", "grading.covers", "grading.processors"),
    ("grading.settings", "grading.catch_up_window"),
    ("grading.season",),
    ("validation",),
    ("alerts",),
    ("locking",),
    ("monitoring",),
    ("warehouse",),
    ("foundation",),
)
# They hold floors or files, and import nothing.
NAMESPACES = ("grading", "grading.sql")
PACKAGES = ("grading", "validation", "alerts", "locking", "monitoring", "warehouse", "foundation")
ENVIRONMENT_READERS = {"grading/wiring.py"}


def modules() -> Iterator[tuple[Path, str]]:
    """Every module of the project by its dotted name."""
    tops = sorted({name.partition(".")[0] for floor in FLOORS for name in floor})
    for top in tops:
        single = ROOT / f"{top}.py"
        for path in [single] if single.is_file() else sorted((ROOT / top).rglob("*.py")):
            yield path, ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(name: str) -> int | None:
    """The floor's number from the top, or None for what is not ours."""
    if name in NAMESPACES:
        return None
    for number, floor in enumerate(FLOORS):
        if any(name == entry or name.startswith(f"{entry}.") for entry in floor):
            return number
    return None


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top, inside functions and for types alike."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            folder = ROOT / node.module.replace(".", "/")
            yield from (f"{node.module}.{alias.name}" for alias in node.names if folder.is_dir())
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def upward(path: Path, name: str) -> Iterator[str]:
    """The imports of a module that lead to a floor above its own."""
    own = floor_of(name)
    for imported in imports(path):
        floor = floor_of(imported)
        if own is not None and floor is not None and floor < own:
            yield f"{name} imports {imported}"


def test_every_module_stands_on_a_floor() -> None:
    assert [name for _, name in modules() if floor_of(name) is None and name not in NAMESPACES] == []


def test_no_import_runs_upward() -> None:
    assert [found for path, name in modules() for found in upward(path, name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from grading.wiring import Application",
        "def late() -> None:\n    import grading.cli.status",
        "from grading import api",
    ],
)
def test_an_import_upward_is_found(tmp_path: Path, line: str) -> None:
    """At the top of a file, inside a function, and of a module by its package."""
    path = tmp_path / "staging.py"
    path.write_text(line + "\n")
    assert list(upward(path, "grading.writing.staging"))


def test_an_import_downward_is_none(tmp_path: Path) -> None:
    path = tmp_path / "staging.py"
    path.write_text("from warehouse.jobs import Jobs\nfrom grading.run import Run\n")
    assert list(upward(path, "grading.writing.staging")) == []


def typed_commands(path: Path) -> Iterator[str]:
    """The commands of ours that a file's strings name, without its docstrings."""
    tree = ast.parse(path.read_text())
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield from re.findall(r"python -m grading [a-z-]+", node.value)


def test_the_text_of_a_command_is_written_in_one_place() -> None:
    """A message takes it from `foundation.commands`, so that a command that changes its name leaves none behind."""
    found = {
        f"{name}: {command}"
        for path, name in modules()
        if name.partition(".")[0] in PACKAGES and name != "foundation.commands"
        for command in typed_commands(path)
    }
    assert found == set()
    assert set(typed_commands(ROOT / "foundation" / "commands.py"))


def test_no_two_sql_files_share_a_name() -> None:
    names = [
        path.name
        for top in ("grading", "validation", "bench", "localdev", "conformance")
        for path in (ROOT / top).rglob("*.sql")
    ]
    assert sorted(names) == sorted(set(names))


def test_no_job_id_is_made_outside_the_query_session() -> None:
    """Whoever wants a job asks a `Jobs`; only the warehouse's own modules pass ids on."""
    for path, name in modules():
        if name.partition(".")[0] in PACKAGES and not name.startswith("warehouse."):
            assert "job_id=" not in path.read_text(), name


def test_only_the_wiring_reads_the_environment() -> None:
    for path, name in modules():
        outside = name.partition(".")[0] not in PACKAGES or name.startswith("grading.cli")
        if outside or str(path.relative_to(ROOT)) in ENVIRONMENT_READERS:
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
