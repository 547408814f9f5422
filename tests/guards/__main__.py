"""Takes each safety guard out, in a copy, and runs its test, which must be red: `make guards`.

With the guard in, the same tests are green: that is `make test`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from localdev.sdk import FIRESTORE_LAUNCHER, launcher
from tests.guards.guards import GUARDS, Guard

_ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = shutil.ignore_patterns(".git", ".venv", ".local", "__pycache__", ".*_cache")
_TEST_SECONDS = 300
_TESTS_FAILED = 1  # pytest's exit status; an error in the run itself has another one


def main() -> int:
    """0 if each absence is noticed."""
    unnoticed = 0
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        shutil.copytree(_ROOT, copy, ignore=_SKIPPED)
        for number, guard in enumerate(GUARDS, start=1):
            started = time.monotonic()
            verdict = _without(guard, copy)
            unnoticed += verdict == "NOT NOTICED"
            print(
                f"{number:>2}/{len(GUARDS)}  {verdict:<11} {time.monotonic() - started:4.0f} s  {guard.name}",
                flush=True,
            )
    print(f"{len(GUARDS)} guards, {unnoticed} of them not noticed when they are taken out")
    return 1 if unnoticed else 0


def _without(guard: Guard, copy: Path) -> str:
    """How the guard's test ends in the copy while the guard is out."""
    if guard.test.endswith("[firestore]") and launcher(FIRESTORE_LAUNCHER) is None:
        return "skipped"
    file = copy / guard.file
    whole = file.read_text(encoding="utf-8")
    if whole.count(guard.code) != 1:
        raise RuntimeError(f"{guard.file} does not have the guard against {guard.name!r} exactly once")
    file.write_text(whole.replace(guard.code, guard.without), encoding="utf-8")
    try:
        run = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", guard.test],
            cwd=copy, capture_output=True, text=True, timeout=_TEST_SECONDS, check=False,
        )  # fmt: skip
    finally:
        file.write_text(whole, encoding="utf-8")
    if run.returncode not in (0, _TESTS_FAILED):
        raise RuntimeError(f"{guard.test} could not be run:\n{run.stdout}{run.stderr}")
    return "red" if run.returncode == _TESTS_FAILED else "NOT NOTICED"


if __name__ == "__main__":
    sys.exit(main())
