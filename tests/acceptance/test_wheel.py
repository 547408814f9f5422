"""`pip install .` gives the command `grading`, with everything that it opens."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_every_module_and_sql_file_and_runs(tmp_path: Path) -> None:
    packages = ("grading", "validation", "alerts", "locking", "monitoring", "warehouse", "foundation")
    source = tmp_path / "source"  # a build leaves files beside what it builds
    for package in packages:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, timeout=120, cwd=tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in packages:
        for kind in ("*.py", "*.sql"):
            missing = {p.relative_to(ROOT).as_posix() for p in (ROOT / package).rglob(kind)} - held
            assert missing == set()
    assert not [name for name in held if name.startswith(("tests", "localdev", "bench"))]

    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, timeout=120, cwd=tmp_path)
    environment = {"PYTHONPATH": str(target), "PATH": "/usr/bin:/bin"}
    run = [[str(target / "bin" / "grading"), "--help"], [sys.executable, "-m", "grading", "--help"]]
    command, module = (
        subprocess.run(each, capture_output=True, text=True, check=True, timeout=60, env=environment, cwd=tmp_path)
        for each in run
    )
    assert command.stdout.splitlines()[1:] == module.stdout.splitlines()[1:]
    opened = (
        "from warehouse.statements import Folder; print(Folder('grading.sql').file('publish').placeholders != set())"
    )
    done = subprocess.run(
        [sys.executable, "-c", opened], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    assert done.stdout.strip() == "True"
