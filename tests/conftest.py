"""What every test may ask for: emulators (one of each in a session), and settings that share no table.

A test that uses the Firestore or Pub/Sub emulator is marked so, and skipped if the gcloud SDK is absent. In CI,
if the SDK is there, an emulator that does not start is an error, never a skip.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.cloud import bigquery

from grading.settings import Settings
from localdev.bigquery import BigQueryEmulator
from localdev.environment import is_foreign, isolated
from localdev.firestore import FirestoreEmulator
from localdev.load import create_input_tables
from localdev.pubsub import PubSubEmulator
from localdev.sdk import FIRESTORE_LAUNCHER, PUBSUB_LAUNCHER, gcloud, launcher, why_missing
from localdev.settings import local_settings
from localdev.slack_sink import SlackSink

if TYPE_CHECKING:
    from tests.zetasql_check import Judge

_EMULATORS = {
    "firestore": ("firestore_emulator", FIRESTORE_LAUNCHER, "cloud-firestore-emulator"),
    "pubsub": ("pubsub_emulator", PUBSUB_LAUNCHER, "pubsub-emulator"),
}
# Google's emulators live for minutes: to compile what they run a second time, better, takes longer than it saves.
_SHORT_LIVED_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses an emulator of the SDK; skip it, with the reason, if the SDK is absent."""
    for marker, (fixture, path, component) in _EMULATORS.items():
        missing = launcher(path) is None
        reason = f"needs the {marker.capitalize()} emulator: {why_missing(path, component)}" if missing else ""
        for item in items:
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
            if missing and item.get_closest_marker(marker) and not _is_ci_with_gcloud():
                item.add_marker(pytest.mark.skip(reason=reason))


def _is_ci_with_gcloud() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1") and gcloud() is not None


@pytest.fixture(scope="session", autouse=True)
def _no_cloud_from_outside() -> Iterator[None]:
    """No test sees a project, a credential, an emulator or a setting of the machine that it runs on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(is_foreign, list(os.environ)):
            patch.delenv(name)
        for name, value in isolated().items():
            patch.setenv(name, value)
        patch.setenv("JDK_JAVA_OPTIONS", _SHORT_LIVED_JAVA)
        yield


@pytest.fixture(scope="session")
def log_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's emulators write their logs."""
    return tmp_path_factory.mktemp("local-stack")


@pytest.fixture(scope="session")
def bigquery_emulator(log_directory: Path) -> Iterator[BigQueryEmulator]:
    """bqemulator, one for the session: use unique datasets (see `settings`)."""
    with BigQueryEmulator(log_directory=log_directory, threads=1) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def firestore_emulator(log_directory: Path) -> Iterator[FirestoreEmulator]:
    """Google's Firestore emulator, one for the session: use unique collections or projects."""
    with FirestoreEmulator(log_directory=log_directory) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def pubsub_emulator(log_directory: Path) -> Iterator[PubSubEmulator]:
    """Google's Pub/Sub emulator, one for the session: use unique topics."""
    with PubSubEmulator(log_directory=log_directory) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def judge(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Google's SQL analyzer with the project's schemas."""
    from tests.zetasql_check import Judge  # takes two seconds, and unit tests do not need it

    shared = None
    if worker_id != "master":  # one of several processes: the directory above its own is the session's
        shared = tmp_path_factory.getbasetemp().parent / "analysed"
        shared.mkdir(exist_ok=True)
    settings = local_settings(bigquery_endpoint="http://127.0.0.1:1", lock_store="sqlite", lock_sqlite_path="x")
    return Judge(settings, shared)


@pytest.fixture
def slack_sink() -> Iterator[SlackSink]:
    """A local stand-in for Slack that records what it is sent."""
    with SlackSink() as sink:
        yield sink


@pytest.fixture
def bigquery_client(bigquery_emulator: BigQueryEmulator) -> Iterator[bigquery.Client]:
    """Google's client on the emulator."""
    with bigquery_emulator.client() as client:
        yield client


@pytest.fixture
def settings(bigquery_emulator: BigQueryEmulator, tmp_path: Path) -> Settings:
    """Settings with datasets of the test's own, and SQLite locks in its own file."""
    return local_settings(
        bigquery_endpoint=bigquery_emulator.endpoint,
        dataset_suffix=f"_{uuid.uuid4().hex[:10]}",
        lock_store="sqlite",
        lock_sqlite_path=str(tmp_path / "locks.sqlite3"),
    )


@pytest.fixture
def input_tables(bigquery_client: bigquery.Client, settings: Settings) -> Settings:
    """`settings` whose input tables exist, empty."""
    create_input_tables(bigquery_client, settings)
    return settings
