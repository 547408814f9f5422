"""Makes the place that a run works in: a real project, or the local stack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery, firestore

from conformance.assertion import Ability
from conformance.cost import MAXIMUM_BYTES_BILLED
from conformance.place import Pace, Place
from conformance.scratch import Scratch
from conformance.sweep import Documents
from foundation.clock import Clock
from foundation.errors import InvalidSettings
from grading.settings import Settings
from localdev.bigquery import LOCAL_PROJECT, BigQueryEmulator
from localdev.firestore import FirestoreEmulator
from localdev.sdk import FIRESTORE_LAUNCHER, launcher, why_missing
from locking.firestore.store import FirestoreLockStore
from locking.firestore.wire import FirestoreWire
from locking.sqlite_store import SQLiteLockStore
from locking.store import DocumentStore

_CALL_SECONDS = 20.0
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_LOCAL_IDLE_SECONDS = 5.0
_LOCAL = {
    Ability.CONCURRENCY: "the local warehouse runs transactions one after another, and never aborts one",
    Ability.CANCELLING: "the local warehouse ends a script within the request that sends it",
    Ability.STATISTICS: "the local warehouse reports neither bytes nor child jobs",
    Ability.JOB_IDS: "the local warehouse runs a job again whose id it knows",
    Ability.PERMISSIONS: "the emulators know no permissions",
    Ability.PARTITIONS: "the local warehouse reads no partitions, and reports 0 bytes for every dry run",
    Ability.EXPIRY: "the local warehouse keeps no expiration of a snapshot",
    Ability.LATENCY: "the times are this machine's, not the service's",
    Ability.DEPLOYMENT: "nothing is deployed on the local stack",
}


class NoCredentials(InvalidSettings):
    """No Google Cloud credentials were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the command line names: a project, its location, the account AS; no project is the local stack."""

    project: str = ""
    location: str = "US"
    impersonated: str = ""
    region: str = "us-west2"
    real: Settings | None = None


@contextmanager
def project_place(target: Target, clock: Clock) -> Iterator[Place]:
    """A place on a real project. Raises `NoCredentials` before anything is made."""
    own = own_credentials()
    acting = _impersonate(own, target.impersonated) if target.impersonated else own
    scratch = Scratch.new(clock.now())
    with ExitStack() as stack:
        clients = [
            stack.enter_context(_bigquery(target.project, target.location, credentials))
            for credentials in (own, acting)
        ]
        databases = [firestore.Client(project=target.project, credentials=credentials) for credentials in (own, acting)]
        for database in databases:
            stack.callback(database.close)
        yield Place(
            settings=scratch_settings(target.project, target.location, scratch),
            owner=clients[0],
            client=clients[1],
            store=FirestoreLockStore(databases[1]),
            documents=Documents(FirestoreLockStore(databases[0]), databases[0]),
            wire=FirestoreWire(databases[1]),
            scratch=scratch,
            clock=clock,
            impersonated=target.impersonated,
            real=target.real,
            region=target.region,
            monitoring=partial(ask_monitoring, _session(own), target.project),
        )


def _session(credentials: Credentials) -> requests.Session:
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def ask_monitoring(session: requests.Session, project: str, query: str) -> float | None:
    """The single value of a PromQL query; None if no series answers it.

    https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.location.prometheus.api.v1/query
    """
    url = f"https://monitoring.googleapis.com/v1/projects/{project}/location/global/prometheus/api/v1/query"
    answer = session.get(url, params={"query": query}, timeout=_CALL_SECONDS)
    answer.raise_for_status()
    found = answer.json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


@contextmanager
def local_place(
    directory: Path, clock: Clock, tell: Callable[[str], None], environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Place]:
    """A place on emulators: those that the environment names (as `make stack` prints them), or new ones.

    Without the gcloud SDK, documents live in a SQLite file.
    """
    with ExitStack() as stack:
        endpoint = environment.get("BIGQUERY_API_ENDPOINT", "")
        host = environment.get("FIRESTORE_EMULATOR_HOST", "")
        if not endpoint:
            endpoint = stack.enter_context(BigQueryEmulator(log_directory=directory)).endpoint
            if launcher(FIRESTORE_LAUNCHER):
                host = stack.enter_context(FirestoreEmulator(log_directory=directory)).host
        lacks = dict(_LOCAL)
        if host:
            databases = stack.enter_context(emulated_firestore(host))
        else:
            missing = why_missing(FIRESTORE_LAUNCHER, "cloud-firestore-emulator")
            tell(f"no Firestore emulator ({missing}): documents live in a SQLite file")
            lacks[Ability.FIRESTORE] = f"no Firestore emulator: {missing}"
            databases = None
        yield stack.enter_context(
            emulated_place(endpoint, databases, directory, clock, lacks=lacks, pace=Pace(idle=_LOCAL_IDLE_SECONDS))
        )


@contextmanager
def emulated_place(
    endpoint: str,
    database: firestore.Client | None,
    directory: Path,
    clock: Clock,
    scratch: Scratch | None = None,
    **further: Any,
) -> Iterator[Place]:
    """A place whose BigQuery answers at `endpoint`, without credentials. `further` are fields of `Place`."""
    scratch = scratch or Scratch.new(clock.now())
    store: DocumentStore
    if database is None:
        store = SQLiteLockStore(directory / "documents.sqlite3")
    else:
        store = FirestoreLockStore(database)
        further.setdefault("wire", FirestoreWire(database))
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    with _bigquery(LOCAL_PROJECT, "US", anonymous, endpoint) as client:
        yield Place(
            settings=scratch_settings(LOCAL_PROJECT, "US", scratch, endpoint),
            owner=client,
            client=client,
            store=store,
            documents=Documents(store, database),
            scratch=scratch,
            clock=clock,
            **further,
        )


def scratch_settings(project: str, location: str, scratch: Scratch, endpoint: str = "") -> Settings:
    """The service's settings, with a run's scratch datasets in place of the real ones."""
    inputs = scratch.dataset("inputs")
    return Settings(
        google_cloud_project=project,
        environment="conformance",
        bigquery_location=location,
        bigquery_api_endpoint=endpoint,
        predictions_table=f"{inputs}.player_prop_predictions",
        box_scores_table=f"{inputs}.player_game_summary",
        injury_report_table=f"{inputs}.nbac_injury_report",
        archetypes_table=f"{inputs}.player_archetypes",
        target_dataset=scratch.dataset("target"),
        staging_dataset=scratch.dataset("staging"),
    )


@contextmanager
def emulated_firestore(host: str) -> Iterator[firestore.Client]:
    """A client of a Firestore emulator or stand-in at `host`."""
    before = os.environ.get("FIRESTORE_EMULATOR_HOST")
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    try:
        client = firestore.Client(project=LOCAL_PROJECT, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        _ = client._firestore_api  # noqa: SLF001 - connects now, while the variable names the host
    finally:
        if before is None:
            del os.environ["FIRESTORE_EMULATOR_HOST"]
        else:
            os.environ["FIRESTORE_EMULATOR_HOST"] = before
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]


def own_credentials() -> Credentials:
    """The person's own credentials, tried once. Raises `NoCredentials` with what to type."""
    import google.auth
    import google.auth.transport.requests
    from google.auth import exceptions

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        credentials.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]
    except exceptions.GoogleAuthError as error:
        first = str(error).partition("\n")[0]
        raise NoCredentials(
            f"There are no usable Google Cloud credentials ({first}). Nothing was made. "
            f"Run `gcloud auth application-default login`, then try again."
        ) from error
    return credentials


def _impersonate(own: Credentials, account: str) -> Credentials:
    from google.auth import exceptions, impersonated_credentials
    from google.auth.transport.requests import Request

    acting = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=own, target_principal=account, target_scopes=[_SCOPE]
    )
    try:
        acting.refresh(Request())  # type: ignore[no-untyped-call]
    except exceptions.GoogleAuthError as error:
        raise NoCredentials(
            f"AS={account} cannot be impersonated ({str(error).partition(chr(10))[0]}). Nothing was made. You need "
            f"roles/iam.serviceAccountTokenCreator on it"
        ) from error
    return acting


def _bigquery(project: str, location: str, credentials: Credentials, endpoint: str = "") -> bigquery.Client:
    """A client whose every query job has a limit on what it may bill."""
    options = {"api_endpoint": endpoint} if endpoint else None
    limit = bigquery.QueryJobConfig(maximum_bytes_billed=MAXIMUM_BYTES_BILLED)
    return bigquery.Client(
        project=project,
        location=location,
        credentials=credentials,
        client_options=options,
        default_query_job_config=limit,
    )
