"""A function and a topic of a run's own, deployed by gcloud and removed again."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.deployed_main import PREFIX_VARIABLE
from conformance.scratch import PREFIX, Scratch
from foundation.errors import InvalidSettings, WarehouseUnavailable
from grading.settings import Settings
from localdev.package import ROOT, deployed_files
from localdev.settings import as_environment

Gcloud = Callable[[Sequence[str]], str]

_COMMAND_SECONDS = 900.0
# What deploy.sh sets on the trigger's subscription.
DELIVERY = {"ackDeadlineSeconds": 600, "maxDeliveryAttempts": 100, "minimumBackoff": "60s", "maximumBackoff": "600s"}
_NOT_SENT = frozenset({"bigquery_api_endpoint", "lock_sqlite_path", "slack_webhook_url"})


class GcloudFailed(WarehouseUnavailable):
    """A gcloud command failed."""


def run_gcloud(arguments: Sequence[str]) -> str:
    """Run a command, without prompts. Raises `GcloudFailed` with its last line, `InvalidSettings` without gcloud."""
    program = shutil.which("gcloud")
    if program is None:
        raise InvalidSettings("DEEP needs gcloud: see https://cloud.google.com/sdk/docs/install")
    done = subprocess.run(
        [program, *arguments, "--quiet"], capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise GcloudFailed(f"gcloud {' '.join(arguments[:3])}: {last}")
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchFunction:
    """A deployed copy of the service on scratch datasets and collections."""

    scratch: Scratch
    settings: Settings
    account: str
    region: str
    gcloud: Gcloud

    @property
    def name(self) -> str:
        """The function's name, and its topic's: `grading-conformance-20260117t093000-1a2b3c`."""
        return f"{PREFIX}{self.scratch.run}".replace("_", "-")

    @property
    def collection_prefix(self) -> str:
        return f"{PREFIX}{self.scratch.run}_"

    def create(self) -> None:
        """Make topics and function, and set the subscription's delivery as deploy.sh does."""
        for topic in (self.name, f"{self.name}-dead"):
            self._ask("pubsub", "topics", "create", topic)
        self.deploy(1)
        self._let_the_trigger_call()
        self._ask(
            "pubsub", "subscriptions", "update", self.subscription(), "--ack-deadline=600", "--min-retry-delay=60s",
            "--max-retry-delay=600s", f"--dead-letter-topic={self.name}-dead", "--max-delivery-attempts=100",
        )  # fmt: skip

    def deploy(self, version: int) -> None:
        """Deploy the service's own files, with the scratch `main.py`."""
        variables = {
            name: value
            for name, value in as_environment(self.settings).items()
            if value and name.lower() not in _NOT_SENT
        }
        variables |= {PREFIX_VARIABLE: self.collection_prefix, "THREADS": "1", "CONFORMANCE_VERSION": str(version)}
        with _source() as source:
            self._ask(
                "functions", "deploy", self.name, "--gen2", "--runtime=python311", f"--region={self.region}",
                f"--source={source}", "--entry-point=handle_event", f"--trigger-topic={self.name}", "--retry",
                "--memory=1Gi", "--timeout=300s", "--concurrency=1", "--max-instances=2",
                "--no-allow-unauthenticated", f"--service-account={self.account}",
                f"--trigger-service-account={self.account}",
                f"--set-env-vars=^|^{'|'.join(f'{name}={value}' for name, value in sorted(variables.items()))}",
            )  # fmt: skip

    def _let_the_trigger_call(self) -> None:
        self._ask(
            "functions", "add-invoker-policy-binding", self.name, f"--region={self.region}",
            f"--member=serviceAccount:{self.account}",
        )  # fmt: skip

    def publish(self, message: dict[str, Any]) -> None:
        """Publish an event."""
        self._ask("pubsub", "topics", "publish", self.name, f"--message={json.dumps(message)}")

    def subscription(self) -> str:
        """The subscription that the trigger made."""
        return self._ask("pubsub", "topics", "list-subscriptions", self.name, "--format=value(.)").split()[0]

    def delivery(self) -> dict[str, Any]:
        """The subscription's deadline, retries and dead letters, in the terms of `DELIVERY`."""
        told = json.loads(self._ask("pubsub", "subscriptions", "describe", self.subscription(), "--format=json"))
        retry, dead = told.get("retryPolicy", {}), told.get("deadLetterPolicy", {})
        return {
            "ackDeadlineSeconds": told.get("ackDeadlineSeconds"),
            "maxDeliveryAttempts": dead.get("maxDeliveryAttempts"),
            "minimumBackoff": retry.get("minimumBackoff"),
            "maximumBackoff": retry.get("maximumBackoff"),
        }

    def logged(self, *names: str) -> list[dict[str, Any]]:
        """The function's log entries of these events."""
        events = " OR ".join(f'jsonPayload.event="{name}"' for name in names)
        wanted = f'resource.labels.service_name="{self.name}" AND ({events})'
        told = self._ask("logging", "read", wanted, "--freshness=1h", "--format=json")
        entries: list[dict[str, Any]] = json.loads(told or "[]")
        return entries

    def ended_and_finished(self) -> bool:
        """Whether an event has begun a second time, and that one is done: the first was ended before it was."""
        return len(self.logged("run_started")) > 1 and bool(self.logged("run_finished"))

    def remove(self) -> None:
        """Remove function and topics; the subscription goes with the function's trigger."""
        for command in (
            ("functions", "delete", self.name, "--gen2", f"--region={self.region}"),
            ("pubsub", "topics", "delete", self.name),
            ("pubsub", "topics", "delete", f"{self.name}-dead"),
        ):
            try:
                self._ask(*command)
            except GcloudFailed as error:
                if "not" not in str(error).lower():  # it was not found
                    raise

    def _ask(self, *arguments: str) -> str:
        return self.gcloud([*arguments, f"--project={self.settings.google_cloud_project}"])


@contextmanager
def _source() -> Iterator[Path]:
    """The files that are deployed, with the scratch function's `main.py`."""
    with tempfile.TemporaryDirectory(prefix="conformance-source-") as name:
        source = Path(name)
        for path in deployed_files():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, source / path)
        shutil.copyfile(Path(__file__).with_name("deployed_main.py"), source / "main.py")
        yield source
