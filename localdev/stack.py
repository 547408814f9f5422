"""The whole local stack: warehouse, locks, messages, Slack and the function, started together and stopped together.

Firestore and Pub/Sub are Google's emulators if the gcloud SDK is there. Without it, locks live in a SQLite file
and events are posted to the function directly.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.cloud import bigquery

from grading.settings import Settings
from localdev.bigquery import LOCAL_PROJECT, BigQueryEmulator
from localdev.environment import isolated
from localdev.firestore import FirestoreEmulator
from localdev.function import FunctionServer
from localdev.load import create_input_tables
from localdev.processes import ManagedProcess, StartFailed
from localdev.pubsub import PubSubEmulator
from localdev.sdk import FIRESTORE_LAUNCHER, PUBSUB_LAUNCHER, launcher, why_missing
from localdev.settings import as_environment, local_settings
from localdev.slack_sink import SlackSink

TOPIC = "nba-grading-trigger"
SUBSCRIPTION = "nba-grading-trigger-push"

_ROOT = Path(__file__).resolve().parents[1]
_COMMAND_SECONDS = 120.0


class LocalStack:
    """A context manager: inside it every part answers, after it nothing of it is left running.

    Args:
        directory: gets the logs and the SQLite locks; must exist.
        instances: how many events the function can work on at once.
        tell: called with a short line as each part comes up.
        settings: fields of `Settings` to choose otherwise than `local_settings` does.
    """

    def __init__(
        self,
        directory: Path,
        *,
        instances: int = 2,
        tell: Callable[[str], None] = lambda _: None,
        **settings: Any,
    ) -> None:
        self.directory = directory
        self._tell = tell
        self._exit = ExitStack()
        self._posts: list[threading.Thread] = []
        self.slack = SlackSink()
        self.bigquery = BigQueryEmulator(log_directory=directory)
        self.firestore = FirestoreEmulator(log_directory=directory) if launcher(FIRESTORE_LAUNCHER) else None
        self.pubsub = PubSubEmulator(log_directory=directory) if launcher(PUBSUB_LAUNCHER) else None
        locks = {"lock_store": "firestore"}
        if self.firestore is None:
            locks = {"lock_store": "sqlite", "lock_sqlite_path": str(directory / "locks.sqlite3")}
        self.settings: Settings = local_settings(
            bigquery_endpoint=self.bigquery.endpoint, slack_webhook_url=self.slack.url, **{**locks, **settings}
        )
        self.function = FunctionServer(
            environment=self.service_environment, log_directory=directory, instances=instances
        )

    @property
    def service_environment(self) -> dict[str, str]:
        """The variables that point the service at this stack."""
        hosts = {}
        if self.firestore is not None:
            hosts["FIRESTORE_EMULATOR_HOST"] = self.firestore.host
        if self.pubsub is not None:
            hosts["PUBSUB_EMULATOR_HOST"] = self.pubsub.host
        return as_environment(self.settings) | hosts

    @property
    def gcloud_environment(self) -> dict[str, str]:
        """The variables that point `gcloud pubsub` at this stack; none without its emulator."""
        if self.pubsub is None:
            return {}
        found = self.pubsub.gcloud_environment(LOCAL_PROJECT)
        return {name: value for name, value in found.items() if name.startswith("CLOUDSDK_")}

    def client(self) -> bigquery.Client:
        """Google's BigQuery client on this stack."""
        return self.bigquery.client()

    def command_line(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m grading` on this stack, as a person would."""
        return subprocess.run(
            [sys.executable, "-m", "grading", *arguments],
            env=isolated() | self.service_environment,
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )

    def publish(self, message: Mapping[str, Any]) -> str:
        """Publish an event as a person would, and return what was typed; the function works on its own from there."""
        if self.pubsub is not None:
            self.pubsub.publish_with_gcloud(LOCAL_PROJECT, TOPIC, message)
            return f"gcloud pubsub topics publish {TOPIC} --message={shlex.quote(json.dumps(message))}"
        self.post(message)
        return f"POST {self.function.url} with {json.dumps(message)}"

    def publish_at_once(self, message: Mapping[str, Any], times: int) -> None:
        """Publish the same event several times, milliseconds apart."""
        if self.pubsub is not None:
            self.pubsub.publish(LOCAL_PROJECT, TOPIC, *[message] * times)
        else:
            for _ in range(times):
                self.post(message)

    def post(self, message: Mapping[str, Any]) -> None:
        """Deliver an event to the function without Pub/Sub, and do not wait for the answer."""
        thread = threading.Thread(
            target=self.function.send, args=(message,), kwargs={"project": LOCAL_PROJECT, "topic": TOPIC}, daemon=True
        )
        thread.start()
        self._posts.append(thread)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def _start(self) -> None:
        self._exit.enter_context(self.slack)
        if self.firestore is None:
            missing = why_missing(FIRESTORE_LAUNCHER, "cloud-firestore-emulator")
            self._tell(f"no Firestore emulator ({missing}): locks live in a SQLite file")
        if self.pubsub is None:
            missing = why_missing(PUBSUB_LAUNCHER, "pubsub-emulator")
            self._tell(f"no Pub/Sub emulator ({missing}): events go straight to the function")
        emulators = [part for part in (self.bigquery, self.firestore, self.pubsub) if part is not None]
        self._start_together(emulators)
        self._create_tables()
        self._start_one(self.function)
        if self.pubsub is not None:
            self.pubsub.create_topic(LOCAL_PROJECT, TOPIC)
            endpoint = self.function.push_endpoint(LOCAL_PROJECT, TOPIC)
            self.pubsub.create_push_subscription(LOCAL_PROJECT, SUBSCRIPTION, topic=TOPIC, endpoint=endpoint)

    def _start_together(self, parts: Sequence[ManagedProcess]) -> None:
        pool = ThreadPoolExecutor(max_workers=len(parts))
        try:
            starting: list[Future[None]] = [pool.submit(self._start_one, part) for part in parts]
            done, _ = wait(starting, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        finally:
            # A part that is still starting is stopped by __exit__, which ends its wait.
            pool.shutdown(wait=False, cancel_futures=True)

    def _start_one(self, part: ManagedProcess) -> None:
        self._exit.callback(part.stop)
        part.start()
        self._tell(f"{part.name} answers")

    def _create_tables(self) -> None:
        with self.client() as client:
            create_input_tables(client, self.settings)
        done = self.command_line("init")
        if done.returncode != 0:
            raise StartFailed(f"`python -m grading init` ended with status {done.returncode}:\n{done.stderr}")
        self._tell("tables are created")
