"""Google's Firestore emulator, from the gcloud SDK. Its data is in memory: a restart loses every document."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import requests

from localdev.environment import isolated
from localdev.probes import http_answers
from localdev.processes import ManagedProcess, StartFailed, free_port
from localdev.sdk import FIRESTORE_LAUNCHER, launcher, why_missing

_FIRST_CALL_SECONDS = 60.0


class FirestoreEmulator(ManagedProcess):
    """The emulator on a free port; `host` is the value for FIRESTORE_EMULATOR_HOST.

    Raises:
        StartFailed: the SDK's emulator is not installed.
    """

    def __init__(self, *, log_directory: Path) -> None:
        # The SDK's own launcher: `gcloud emulators firestore start` is slower and leaves its Java child behind.
        program = launcher(FIRESTORE_LAUNCHER)
        if program is None:
            raise StartFailed(why_missing(FIRESTORE_LAUNCHER, "cloud-firestore-emulator"))
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        super().__init__(
            name="firestore",
            command=[str(program), "start", "--host=127.0.0.1", f"--port={self.port}"],
            environment=isolated(),
            log_directory=log_directory,
            ready=lambda: http_answers(self.port),
        )

    def start(self) -> Self:
        """Start, and write a first document: that takes a cold Java server a second, which is nobody's lock wait."""
        super().start()
        documents = f"http://{self.host}/v1/projects/first-call/databases/(default)/documents"
        owner = {"Authorization": "Bearer owner"}
        for call, url in (
            (requests.post, f"{documents}/first?documentId=call"),
            (requests.delete, f"{documents}/first/call"),
        ):
            call(url, json={}, headers=owner, timeout=_FIRST_CALL_SECONDS).raise_for_status()
        return self
