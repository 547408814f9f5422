"""What the README says is so: its commands, paths and settings exist, and the demo prints what it shows."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

from grading.cli import commands
from grading.outcome import Status
from grading.settings import Settings
from localdev.environment import isolated
from localdev.sdk import gcloud
from localdev.stack import LocalStack

_ROOT = Path(__file__).resolve().parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)


_COMMANDS = [line for block in _blocks("sh") for line in block.splitlines() if line and not line.startswith("#")]


def test_the_readme_has_commands_of_every_kind() -> None:
    """Else the tests below would show nothing."""
    assert {line.split()[0] for line in _COMMANDS} >= {"make", "python", "gcloud"}


@pytest.mark.parametrize("line", [line for line in _COMMANDS if line.startswith("make")])
def test_a_make_command_of_the_readme_can_be_run(repository: Path, line: str) -> None:
    """make knows its target, and would run it."""
    done = subprocess.run(
        ["make", "--dry-run", *shlex.split(line)[1:]],
        cwd=repository,
        env=isolated(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", [line for line in _COMMANDS if line.startswith("python -m grading")])
def test_a_grading_command_of_the_readme_parses(line: str) -> None:
    """The command exists, and takes these options with these values."""
    name, *options = shlex.split(line)[3:]
    command = commands.commands[name]
    command.make_context(name, options, parent=click.Context(commands))


@pytest.mark.parametrize("line", [line for line in _COMMANDS if line.startswith("python -m grading")])
def test_a_grading_command_of_the_readme_runs_as_typed(stack: LocalStack, line: str, tmp_path: Path) -> None:
    """With what the emulators accept it ends well; without a Google login it says in one line what is missing."""
    words = shlex.split(line)[3:]
    done = stack.command_line(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    nowhere = isolated() | {"GOOGLE_CLOUD_PROJECT": "my-project", "HOME": str(tmp_path), "NO_GCE_CHECK": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "grading", *words],
        cwd=_ROOT, env=nowhere, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: there is no Google login on this machine",
        "  gcloud auth application-default login",
    ]


@pytest.mark.parametrize("line", [line for line in _COMMANDS if line.startswith("gcloud")])
def test_a_gcloud_command_of_the_readme_is_one_that_gcloud_takes(line: str, tmp_path: Path) -> None:
    program = gcloud()
    if program is None:
        pytest.skip("the gcloud SDK is not on the PATH: it judges its own commands")
    done = subprocess.run(
        [str(program), "meta", "lint-gcloud-commands", "--command-string", line],
        env=isolated() | {"CLOUDSDK_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert all(entry["success"] for entry in json.loads(done.stdout)), done.stdout


@pytest.mark.parametrize("code", _blocks("python"))
def test_the_python_of_the_readme_imports_what_exists(code: str) -> None:
    imports = "\n".join(line for line in code.splitlines() if line.startswith(("from ", "import ")))
    exec(compile(imports, "README.md", "exec"), {})
    compile(code, "README.md", "exec")


def test_every_setting_that_the_readme_names_exists() -> None:
    known = {setting.name.upper() for setting in fields(Settings)}
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", _README))
    assert named
    assert named <= known


def test_every_status_is_explained() -> None:
    page = (_ROOT / "docs" / "outcomes.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| `.*?\|", page, re.MULTILINE))))
    assert explained == {status.value for status in Status}


def test_every_path_and_link_of_the_readme_exists(repository: Path) -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", _README)
    named = re.findall(r"`((?:[a-z][\w-]*/)+[\w.-]*)`", _README)
    assert links
    missing = [path for path in {*links, *named} if not (repository / path).exists()]
    assert not missing


def test_the_demo_prints_what_the_readme_shows(sample_demo: subprocess.CompletedProcess[str]) -> None:
    """Every figure, and every event of the log but for its time, that the README quotes."""
    shown = [line.strip() for block in _blocks("text") for line in block.splitlines()]
    # The last column is a remark: how two runs at once end is theirs to settle.
    rows = [line.rstrip("│┃").rpartition(line[0])[0] for line in shown if line.startswith(("│", "┃"))]
    events = [re.sub(r"^[\d.]+ s +", "", line) for line in shown if re.match(r"[\d.]+ s ", line)]
    assert rows
    assert events
    for text in [*rows, *events]:
        assert text in sample_demo.stdout
