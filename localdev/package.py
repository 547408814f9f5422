"""The package as it is deployed, on this machine: what .gcloudignore keeps, in a venv of requirements.txt alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pathspec

ROOT = Path(__file__).resolve().parents[1]

_INSTALL_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Package:
    """A copy of the deployed files, and the interpreter that has their requirements and nothing else."""

    directory: Path
    python: Path


def deployed_files(root: Path = ROOT) -> list[Path]:
    """The files that `gcloud functions deploy` would send, relative to `root`."""
    spec = pathspec.GitIgnoreSpec.from_lines((root / ".gcloudignore").read_text().splitlines())
    kept = (entry.name for entry in root.iterdir() if not spec.match_file(entry.name + "/" * entry.is_dir()))
    files = (
        path.relative_to(root)
        for name in kept
        for path in (sorted((root / name).rglob("*")) if (root / name).is_dir() else [root / name])
        if path.is_file()
    )
    return sorted(path for path in files if not spec.match_file(path.as_posix()))


def build(directory: Path, root: Path = ROOT) -> Package:
    """Copy the deployed files into `directory`, and install their pinned requirements.

    Nothing is resolved: a dependency that requirements.txt leaves out is an error here, as it would be there.
    Raises `subprocess.CalledProcessError` with pip's words.
    """
    package = directory / "package"
    for path in deployed_files(root):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, package / path)
    _run(sys.executable, "-m", "venv", str(directory / "venv"))
    python = directory / "venv" / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check", "--no-input")
    _run(str(python), "-m", "pip", *install, "--requirement", str(package / "requirements.txt"))
    _run(str(python), "-m", "pip", "check", "--disable-pip-version-check")
    return Package(package, python)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout}{error.stderr}")
        raise
