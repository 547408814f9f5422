"""Takes each safety guard out, in a copy, and runs its test, which must be red: `make guards`.

With the guard in, the same tests are green: that is `make test`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localdev.sdk import FIRESTORE_LAUNCHER, launcher
from tests.guards.guards import GUARDS, Guard

_ROOT = Path(__file__).resolve().parents[2]
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".local", "__pycache__", ".*_cache")
_TEST_SECONDS = 300
_TESTS_FAILED = 1  # pytest's exit status; an error in the run itself has another one
_AT_ONCE = 2
_RED, _NOT_NOTICED, _NOT_RUN, _SKIPPED = "red", "NOT NOTICED", "COULD NOT RUN", "skipped"


def main() -> int:
    """0 if each absence is noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument(
        "named", nargs="*", help="only the guards whose name or file contains one of these; all if none"
    )
    wanted = parser.parse_args().named
    guards = [guard for guard in GUARDS if not wanted or any(text in guard.name + guard.file for text in wanted)]
    if not guards:
        parser.error(f"no guard is named {' or '.join(wanted)}: see tests/guards/guards.py")
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(_AT_ONCE) as pool:
        shares = [guards[number::_AT_ONCE] for number in range(_AT_ONCE)]
        done = pool.map(lambda place: _without_each(Path(directory) / str(place[0]), place[1]), enumerate(shares))
        verdicts = [verdict for share in done for verdict in share]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in (_RED, _NOT_NOTICED, _NOT_RUN, _SKIPPED))
    print(f"taken out: {len(guards)}; {counts}")
    return int(_NOT_NOTICED in verdicts or _NOT_RUN in verdicts)


def _without_each(copy: Path, guards: Sequence[Guard]) -> list[str]:
    """How each guard's test ends in a copy without it, said as it is known."""
    shutil.copytree(_ROOT, copy, ignore=_NOT_COPIED)
    verdicts = []
    for guard in guards:
        started = time.monotonic()
        try:
            verdict, why = _without(guard, copy), ""
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            verdict, why = _NOT_RUN, f"\n{error}"
        verdicts.append(verdict)
        print(f"{verdict:<13} {time.monotonic() - started:4.0f} s  {guard.name}{why}", flush=True)
    return verdicts


def _without(guard: Guard, copy: Path) -> str:
    """How the guard's test ends in the copy while the guard is out."""
    if guard.test.endswith("[firestore]") and launcher(FIRESTORE_LAUNCHER) is None:
        return _SKIPPED
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
    return _RED if run.returncode == _TESTS_FAILED else _NOT_NOTICED


if __name__ == "__main__":
    sys.exit(main())
