"""Google's Pub/Sub emulator, from the gcloud SDK, and the two ways of publishing to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import requests
from google.cloud.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from localdev.environment import isolated
from localdev.probes import http_answers
from localdev.processes import ManagedProcess, StartFailed, free_port
from localdev.sdk import PUBSUB_LAUNCHER, gcloud, launcher, why_missing

_CALL_SECONDS = 10.0
_GCLOUD_SECONDS = 60.0


class PubSubEmulator(ManagedProcess):
    """The emulator on a free port; `host` is the value for PUBSUB_EMULATOR_HOST.

    Raises:
        StartFailed: the SDK's emulator is not installed.
    """

    def __init__(self, *, log_directory: Path) -> None:
        program = launcher(PUBSUB_LAUNCHER)
        if program is None:
            raise StartFailed(why_missing(PUBSUB_LAUNCHER, "pubsub-emulator"))
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._url = f"http://{self.host}"
        self._gcloud_config = log_directory / "gcloud"
        super().__init__(
            name="pubsub",
            command=[str(program), "--host=127.0.0.1", f"--port={self.port}"],
            environment=isolated(),
            log_directory=log_directory,
            ready=lambda: http_answers(self.port),
        )

    def create_topic(self, project: str, topic: str) -> None:
        """Create a topic.

        Raises:
            requests.HTTPError: the emulator refuses it; it exists already, for one.
        """
        self._put(f"projects/{project}/topics/{topic}", {})

    def create_push_subscription(self, project: str, subscription: str, *, topic: str, endpoint: str) -> None:
        """Deliver each message of a topic to an HTTP endpoint, and again until it is acknowledged there."""
        self._put(
            f"projects/{project}/subscriptions/{subscription}",
            {
                "topic": f"projects/{project}/topics/{topic}",
                "pushConfig": {"pushEndpoint": endpoint},
                "ackDeadlineSeconds": 600,
                "retryPolicy": {"minimumBackoff": "1s", "maximumBackoff": "10s"},
            },
        )

    def publish(self, project: str, topic: str, *messages: Mapping[str, Any]) -> list[str]:
        """Publish with Google's client; returns the messages' ids."""
        transport = PublisherGrpcTransport(channel=grpc.insecure_channel(self.host))
        with PublisherClient(transport=transport) as client:
            path = client.topic_path(project, topic)
            futures = [client.publish(path, json.dumps(message).encode()) for message in messages]
            return [str(future.result(timeout=_CALL_SECONDS)) for future in futures]

    def gcloud_environment(self, project: str) -> dict[str, str]:
        """The environment in which `gcloud pubsub` talks to this emulator, with no configuration of the user's."""
        return isolated() | {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"{self._url}/",
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
            "CLOUDSDK_CONFIG": str(self._gcloud_config),
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_CORE_PROJECT": project,
        }

    def publish_with_gcloud(self, project: str, topic: str, message: Mapping[str, Any]) -> str:
        """Publish as a person would, with `gcloud pubsub topics publish`; returns the message's id.

        Raises:
            StartFailed: the command failed; carries what it said.
        """
        command = ["pubsub", "topics", "publish", topic, f"--message={json.dumps(message)}"]
        done = subprocess.run(
            [str(gcloud() or "gcloud"), *command, "--format=value(messageIds[0])"],
            env=self.gcloud_environment(project),
            capture_output=True,
            text=True,
            timeout=_GCLOUD_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise StartFailed(
                f"`gcloud {' '.join(command)}` failed with status {done.returncode}:\n{done.stderr.strip()}"
            )
        return done.stdout.strip()

    def _put(self, name: str, body: Mapping[str, Any]) -> None:
        response = requests.put(f"{self._url}/v1/{name}", json=body, timeout=_CALL_SECONDS)
        response.raise_for_status()
