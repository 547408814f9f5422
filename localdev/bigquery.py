"""BigQuery on this machine: bqemulator, REST over DuckDB, asked through Google's own client."""

from __future__ import annotations

import sys
from pathlib import Path

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from localdev.environment import isolated
from localdev.probes import http_answers
from localdev.processes import ManagedProcess, free_port

LOCAL_PROJECT = "local-grading"

_ROOT = Path(__file__).resolve().parents[1]
_HOME = _ROOT / ".local" / "bqemulator-home"


class BigQueryEmulator(ManagedProcess):
    """The emulator on free ports; `endpoint` is the value for BIGQUERY_API_ENDPOINT.

    Data is in memory: a restart loses every table. `retention_days` is how far back a table can be read; with 0 the
    emulator makes no copies, and is faster. `threads` run each statement; by default as many as there are cores.
    """

    def __init__(self, *, log_directory: Path, retention_days: int = 0, threads: int | None = None) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        _HOME.mkdir(parents=True, exist_ok=True)
        super().__init__(
            name="bigquery",
            command=[
                sys.executable, "-P", "-m", "localdev.bqemulator_start", "start", "--ephemeral",
                "--project", LOCAL_PROJECT, "--rest-port", str(self.port), "--grpc-port", str(free_port()),
                "--log-level", "warning",
            ],
            environment=isolated()
            | {
                "PYTHONPATH": str(_ROOT),
                "HOME": str(_HOME),  # where DuckDB keeps the extension
                "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",  # downloads Avro otherwise
                # It copies each table that a statement changes, and keeps the copies for a week otherwise.
                "BQEMU_TIME_TRAVEL_RETENTION_DAYS": str(retention_days),
                "BQEMU_UPLOAD_STAGING_DIR": str(log_directory / "uploads"),
            }
            | ({"DUCKDB_THREADS": str(threads)} if threads else {}),
            log_directory=log_directory,
            ready=lambda: http_answers(self.port, "/readyz"),
        )  # fmt: skip

    def client(self, project: str = LOCAL_PROJECT) -> bigquery.Client:
        """Google's client, pointed at the emulator."""
        return client_for(self.endpoint, project)


def client_for(endpoint: str, project: str = LOCAL_PROJECT) -> bigquery.Client:
    """Google's client for an emulator's endpoint, without credentials."""
    return bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=endpoint),
    )
