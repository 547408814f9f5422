"""Compiles `requirements*.in` into the pinned `requirements*.txt`.

    python -m localdev.lock_requirements

pip resolves each file without installing anything; development builds on what the function is deployed with.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_NAMES = ("requirements", "requirements-dev")


def pins(report: dict[str, Any]) -> str:
    """The `name==version` lines of pip's installation report, sorted."""
    versions = {_normalised(entry["metadata"]["name"]): entry["metadata"]["version"] for entry in report["install"]}
    return "".join(f"{name}=={versions[name]}\n" for name in sorted(versions))


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Compile both files; returns the exit status."""
    for name in _NAMES:
        resolve = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
            "--requirement", str(_ROOT / f"{name}.in"),
        ]  # fmt: skip
        done = subprocess.run(resolve, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.stderr.write(f"{name}.in could not be resolved; {name}.txt stays as it was\n")
            return 1
        _ROOT.joinpath(f"{name}.txt").write_text(pins(json.loads(done.stdout)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
