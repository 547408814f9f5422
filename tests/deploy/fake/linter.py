"""gcloud's own linter, its answers kept by command.

It takes a sixth of a second for each command. What it accepts is recorded for the SDK's version, beside this file; what
is not, and every command that it refuses, is asked about. To record it anew: delete the record, run tests/deploy with
an empty .pytest_cache, and then `python -m tests.deploy.fake.linter`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

# What differs between runs, and not in what the linter looks at.
_VARYING = (
    (re.compile(r"phase5b-grading-\d{5}-\w{3}"), "phase5b-grading-00001-abc"),
    (re.compile(r"=/\S*/dashboard\.json"), "=dashboard.json"),
    (re.compile(r"paused_\d+"), "paused_1"),
    (re.compile(r"(dashboards|alertPolicies)/\d+"), r"\1/1"),
)


def canonical(arguments: list[str]) -> str:
    """A gcloud command as one line, without what varies.

    Flags without a value come last: the linter takes a quoted word that follows one for its value.
    """
    bare = [word for word in arguments if word.startswith("--") and "=" not in word]
    line = shlex.join(["gcloud", *(word for word in arguments if word not in bare), *bare])
    for pattern, fixed in _VARYING:
        line = pattern.sub(fixed, line)
    return line


def cache_of(gcloud: Path) -> Path:
    """Where the answers of this SDK's linter are kept between sessions."""
    version = (gcloud.parents[1] / "VERSION").read_text().strip()
    return Path(__file__).parents[3] / f".pytest_cache/deploy/gcloud-lint-{version}.json"


def recorded_of(cache: Path) -> Path:
    """Where the commands that this SDK's linter accepts are recorded."""
    return Path(__file__).with_name(cache.name.replace("gcloud-lint", "accepted")).with_suffix(".txt")


class Linter:
    """Answers of `gcloud meta lint-gcloud-commands`, kept in a file across processes.

    Args:
        gcloud: the real command.
        cache: the file; it is named after the SDK's version by whoever makes it.
    """

    def __init__(self, gcloud: str, cache: Path) -> None:
        self._gcloud = gcloud
        self._cache = cache
        self._known: dict[str, str] = json.loads(cache.read_text()) if cache.exists() else {}
        recorded = recorded_of(cache)
        if recorded.exists():
            self._known |= dict.fromkeys(recorded.read_text(encoding="utf-8").splitlines(), "")

    def unknown(self, lines: set[str]) -> set[str]:
        return lines - self._known.keys()

    def complaint(self, line: str) -> str:
        """The linter's error for a command; empty if it accepts it."""
        if line not in self._known:
            self.ask({line})
        return self._known[line]

    def ask(self, lines: set[str]) -> None:
        """Look at many commands at once: one start of gcloud."""
        if not lines:
            return
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "commands.json")
            file.write_text(json.dumps([{"command_string": line} for line in sorted(lines)]))
            run = subprocess.run(
                [self._gcloud, "meta", "lint-gcloud-commands", f"--commands-file={file}"],
                env={**os.environ, "CLOUDSDK_CONFIG": f"{directory}/gcloud"},
                capture_output=True, text=True, timeout=110, check=True,
            )  # fmt: skip
        for line, each in zip(sorted(lines), json.loads(run.stdout), strict=True):
            self._known[line] = "" if each["success"] else str(each["error_message"])
        if self._cache.exists():
            self._known = {**json.loads(self._cache.read_text()), **self._known}
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        part = self._cache.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(self._known))
        part.replace(self._cache)


if __name__ == "__main__":
    path = shutil.which("gcloud")
    assert path is not None
    answers: dict[str, str] = json.loads(cache_of(Path(path).resolve()).read_text())
    accepted = sorted(line for line, complaint in answers.items() if not complaint)
    recorded_of(cache_of(Path(path).resolve())).write_text("\n".join(accepted) + "\n", encoding="utf-8")
