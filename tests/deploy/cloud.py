"""deploy.sh against the fake project."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localdev.sdk import gcloud
from tests.deploy.fake.linter import cache_of, canonical
from tests.deploy.projects import ID, Project

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).parent / "fake"
WEBHOOK = "https://hooks.slack.com/services/T000/B000/not-a-real-one"


@dataclass(frozen=True)
class Run:
    """One run of deploy.sh: its exit code, what it printed, its calls, and the project after it."""

    code: int
    printed: str
    calls: list[dict[str, Any]]
    project: Project
    branches: dict[int, dict[str, Any]]

    @property
    def changes(self) -> list[str]:
        return [" ".join(call["words"]) for call in self.calls if call["changed"]]


class Cloud:
    """The server, and the directory of its runs.

    Args:
        directory: where runs are kept, and the Python that deploy.sh is given.
        port: where the server listens.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._port = port
        self._runs = 0
        self._bin = directory / "bin"
        self._bin.mkdir()
        shutil.copy(FAKE / "python", self._bin)

    def deploy(
        self, project: Project, *arguments: str, fail: int = -1, after: bool = False, lint: str = "now",
        explore: bool = False, stdin: str = WEBHOOK,
    ) -> Run:  # fmt: skip
        """Run deploy.sh on a project; its command number `fail` fails, before or after it took effect.

        With `explore`, each command fails once in a copy of the script's shell (see client.sh), and each call has the
        state before it.
        """
        self._runs += 1
        run = self._directory / str(self._runs)
        run.mkdir()
        (run / "project.json").write_text(json.dumps(project))
        (run / "plan.json").write_text(json.dumps({"fail": fail, "after": after, "lint": lint, "record": explore}))
        (run / "stdin").write_text(stdin)
        environment = {
            "PATH": f"{self._bin}:{os.environ['PATH']}", "HOME": str(run), "PYTHON": str(self._bin / "python"),
            "BASH_ENV": str(FAKE / "client.sh"), "FAKE_CLOUD_PORT": str(self._port), "FAKE_CLOUD_RUN": str(run),
            "FAKE_CLOUD_EXPLORE": "yes" if explore else "no",
        }  # fmt: skip
        done = subprocess.run(
            [str(ROOT / "deploy.sh"), *arguments, "--project", ID],
            env=environment, input=stdin, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        calls, branches = (
            [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
            for log in (run / "calls.jsonl", run / "branches.jsonl")
        )
        result = Run(
            done.returncode,
            done.stdout + done.stderr,
            calls,
            json.loads((run / "project.json").read_text()),
            {branch["number"]: branch for branch in branches},
        )
        assert "FAKE:" not in result.printed, result.printed
        shutil.rmtree(run)
        return result

    def lint(self, calls: list[dict[str, Any]]) -> dict[str, str]:
        """The complaints of the real linter about the gcloud commands among these calls."""
        lines = sorted({canonical(call["words"][1:]) for call in calls if call["words"][0] == "gcloud"})
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            parts = [str(len(lines) + 3), "lint", "", *lines, ""]
            connection.sendall(b"".join(part.encode() + b"\0" for part in parts))
            answer = b""
            while answer.count(b"\0") < 3:
                answer += connection.recv(65536)
        complaints: dict[str, str] = json.loads(answer.split(b"\0")[1])
        return {line: text for line, text in complaints.items() if text}


@contextmanager
def cloud(directory: Path) -> Iterator[Cloud]:
    """A server for as long as the block lasts.

    Args:
        directory: an empty directory.
    """
    command = gcloud()
    assert command is not None
    sdk = command.parents[1]
    server = subprocess.Popen(
        [sys.executable, str(FAKE / "server.py"), str(sdk), str(cache_of(command))], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield Cloud(directory, int(server.stdout.readline()))
    finally:
        server.terminate()
        server.wait(timeout=10)
        assert server.stdout is not None
        server.stdout.close()
