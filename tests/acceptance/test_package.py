"""The deployed package alone: what it holds, and that it serves events with its own requirements and no others."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from google.cloud import bigquery

from bench.cold_start import LAZY
from foundation.clock import Deadline, SystemClock
from grading.settings import Settings
from grading.writing.schema import create_tables
from localdev import package, sample_slate
from localdev.environment import isolated
from localdev.function import FunctionServer
from localdev.load import load_slate
from localdev.package import ROOT, Package
from localdev.sdk import gcloud
from localdev.settings import as_environment
from localdev.slack_sink import SlackSink
from localdev.slate import read_slate
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs

DAY = date(2024, 1, 15)
TOPIC = "nba-grading-trigger"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package.build(tmp_path_factory.mktemp("package"))


@pytest.fixture
def graded_environment(
    bigquery_client: bigquery.Client, input_tables: Settings, slack_sink: SlackSink, tmp_path: Path
) -> dict[str, str]:
    """An environment for the function: tables, and a sample slate to grade."""
    settings = replace(input_tables, slack_webhook_url=slack_sink.url)
    create_tables(settings, Jobs.of(Warehouse(bigquery_client), "init", Deadline.after(60, SystemClock())))
    sample_slate.write(tmp_path, DAY)
    load_slate(bigquery_client, settings, read_slate(tmp_path, DAY))
    return as_environment(settings)


def modules_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or within a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reachable(start: str) -> tuple[set[Path], set[str]]:
    """The project's files that importing `start` can ever need, and the foreign modules that they import."""
    files: set[Path] = set()
    foreign: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        base = Path(*name.split("."))
        found = [path for path in (base.with_suffix(".py"), base / "__init__.py") if (ROOT / path).is_file()]
        if not found:
            foreign.add(name)
        parents = [Path(*base.parts[:depth]) / "__init__.py" for depth in range(1, len(base.parts))]
        for path in [*found, *(parent for parent in parents if (ROOT / parent).is_file())]:
            if path not in files:
                files.add(path)
                todo += modules_of(ROOT / path)
    return files, foreign


@pytest.mark.skipif(gcloud() is None, reason="needs gcloud, which lists what it would upload: not on the PATH")
def test_the_package_is_what_gcloud_would_upload(tmp_path: Path) -> None:
    run = subprocess.run(
        [str(gcloud()), "meta", "list-files-for-upload", "."],
        cwd=ROOT, env={**os.environ, "CLOUDSDK_CONFIG": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert sorted(run.stdout.split()) == [path.as_posix() for path in package.deployed_files()]


def test_the_package_holds_nothing_that_the_function_does_not_need() -> None:
    """Each module is one that main.py can reach; there are no tests, tools, documents or command line."""
    deployed = package.deployed_files()
    needed, _ = reachable("main")
    # A package that holds SQL files is opened by name, not imported.
    needed |= {path.parent / "__init__.py" for path in deployed if path.suffix == ".sql"}
    idle = sorted(str(path) for path in {path for path in deployed if path.suffix == ".py"} - needed)
    assert idle == [], "main.py does not import these: name them in .gcloudignore"
    assert {path.suffix for path in deployed} == {".py", ".sql", ".txt"}
    assert {path.parts[0] for path in deployed if len(path.parts) > 1} <= {
        "grading", "validation", "alerts", "locking", "monitoring", "warehouse", "foundation"
    }  # fmt: skip


def test_the_package_holds_everything_that_the_function_needs() -> None:
    needed, _ = reachable("main")
    missing = sorted(str(path) for path in needed - set(package.deployed_files()))
    assert missing == [], "main.py imports these: take them out of .gcloudignore"


def test_whatever_is_imported_later_is_installed_too(built: Package) -> None:
    """Clients that are loaded at first use would otherwise fail at the first alert or metric, not at the start."""
    _, foreign = reachable("main")
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        parent, _, attribute = name.rpartition('.')\n"
        "        if error.name != name or not parent or not hasattr(importlib.import_module(parent), attribute):\n"
        "            raise\n"
    )
    run = subprocess.run(
        [str(built.python), "-c", code, *sorted(foreign)],
        cwd=built.directory, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_the_package_alone_serves_events(
    built: Package, graded_environment: dict[str, str], slack_sink: SlackSink, tmp_path: Path
) -> None:
    """Under functions-framework: a date is graded, and a message that no one can read is acknowledged and alerted."""
    server = FunctionServer(
        environment=graded_environment, log_directory=tmp_path, instances=1,
        source=built.directory / "main.py", python=built.python,
    )  # fmt: skip
    with server:
        message = {"target_date": DAY.isoformat(), "trigger_source": "package", "run_aggregation": False}
        answer = server.send(message, project="demo", topic=TOPIC, timeout_seconds=90)
        assert answer.status_code == 200, server.log_tail()
        finished = [event for event in server.events() if event["event"] == "run_finished"]
        assert [event["status"] for event in finished] == ["success"]
        assert finished[0]["rows"] > 0

        answer = server.send(b"not json", project="demo", topic=TOPIC, timeout_seconds=60)
        assert answer.status_code == 200, server.log_tail()
        assert [event["event"] for event in server.events() if event["event"] == "event_rejected"]
        assert slack_sink.delivered


def test_the_start_loads_nothing_that_can_wait(built: Package) -> None:
    """A cold start pays for what it uses: the other clients are imported at their first use."""
    run = subprocess.run(
        [str(built.python), "-c", "import main, sys; print(*sys.modules.keys() & set(sys.argv))", *LAZY],
        cwd=built.directory, env=isolated(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert run.stdout.split() == []


def test_the_package_does_not_see_the_project_it_was_taken_from(built: Package) -> None:
    """The negative control: what is not deployed cannot be imported there."""
    run = subprocess.run(
        [str(built.python), "-c", "import main, sys; print(main.__file__); import localdev"],
        cwd=built.directory, env=isolated({"PATH": os.environ["PATH"]}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.stdout.strip() == str(built.directory / "main.py")
    assert "No module named 'localdev'" in run.stderr
    assert str(built.python) != sys.executable
