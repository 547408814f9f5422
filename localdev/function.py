"""The deployed function on this machine, under functions-framework as in production."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from localdev.environment import isolated
from localdev.probes import http_answers
from localdev.processes import ManagedProcess, free_port

ENTRY_POINT = "handle_event"

_ROOT = Path(__file__).resolve().parents[1]
_MESSAGE_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"


class FunctionServer(ManagedProcess):
    """The function on a free port.

    Args:
        environment: what the function is set up with, on top of the machine's own environment.
        log_directory: gets `function.log`, the function's structured log among it.
        instances: how many events it can work on at once; a process each, as the deployed instances.
        source: the file that holds the function.
        python: the interpreter to run it with.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        log_directory: Path,
        instances: int = 2,
        source: Path = _ROOT / "main.py",
        python: Path = Path(sys.executable),
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            name="function",
            command=[
                str(python), "-m", "functions_framework", "--target", ENTRY_POINT, "--source", str(source),
                "--signature-type", "cloudevent", "--host", "127.0.0.1", "--port", str(self.port),
            ],
            environment=isolated()
            | {
                "WORKERS": str(instances),
                "THREADS": "1",
                "PYTHONPATH": str(source.parent),
                "PYTHONUNBUFFERED": "1",
                **environment,
            },
            log_directory=log_directory,
            # It takes POST only; the answer comes from the application, so the function is loaded.
            ready=lambda: http_answers(self.port, status=405),
            stop_seconds=10.0,
        )  # fmt: skip

    def events(self) -> list[dict[str, Any]]:
        """The function's structured log so far: each event as `monitoring.log_sink` wrote it."""
        return list(read_events(self.log_path))

    def push_endpoint(self, project: str, topic: str) -> str:
        """Where a push subscription delivers: functions-framework reads the topic's name from the path."""
        return f"{self.url}/projects/{project}/topics/{topic}"

    def send(
        self,
        message: Mapping[str, Any] | bytes,
        *,
        project: str,
        topic: str,
        event_id: str | None = None,
        published_at: datetime | None = None,
        timeout_seconds: float = 300.0,
    ) -> requests.Response:
        """Deliver one Pub/Sub message as Eventarc would, without Pub/Sub; returns once the function has answered."""
        return post_event(
            self.url,
            message,
            project=project,
            topic=topic,
            event_id=event_id,
            published_at=published_at,
            timeout_seconds=timeout_seconds,
        )


def read_events(log_path: Path) -> Iterator[dict[str, Any]]:
    """The structured events in a log file; lines that are none, or not complete yet, are passed over."""
    if not log_path.exists():
        return
    for line in log_path.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and "event" in entry:
                    yield entry


def post_event(
    url: str,
    message: Mapping[str, Any] | bytes,
    *,
    project: str,
    topic: str,
    event_id: str | None = None,
    published_at: datetime | None = None,
    timeout_seconds: float = 300.0,
) -> requests.Response:
    """Post a `messagePublished` CloudEvent in binary mode.

    The shape is documented at https://cloud.google.com/eventarc/docs/cloudevents.

    Args:
        url: the function.
        message: the payload; bytes are sent as they are, so that a test can send what no one can read.
        project: the topic's project.
        topic: the topic's name.
        event_id: default: a new one.
        published_at: when it was published; default: now.
        timeout_seconds: how long to wait for the answer.
    """
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    identity = event_id or uuid.uuid4().hex
    published = (published_at or datetime.now(UTC)).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return requests.post(
        url,
        json={
            "message": {"data": base64.b64encode(body).decode(), "messageId": identity, "publishTime": published},
            "subscription": f"projects/{project}/subscriptions/{topic}-push",
        },
        headers={
            "ce-id": identity,
            "ce-source": f"//pubsub.googleapis.com/projects/{project}/topics/{topic}",
            "ce-specversion": "1.0",
            "ce-time": published,
            "ce-type": _MESSAGE_PUBLISHED,
        },
        timeout=timeout_seconds,
    )
