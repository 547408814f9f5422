"""The first ten minutes: what is missing is reported in one line with the command that mends it, and exit code 1."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from grading import wiring
from grading.cli import main
from grading.cli.failures import explain
from grading.cli.options import DAY
from warehouse.bigquery_errors import classify

EVERY_COMMAND = (
    "init", "grade --date yesterday", "backfill --start 2026-01-01 --end 2026-01-02", "backfill --unfinished",
    "catch-up", "status", "recompute --start 2026-01-01 --end 2026-01-02", "dedupe --table prediction_accuracy",
    "undo", "undo 1a2b3c", "staging", "ungraded", "check", "locks", "locks release 2026-01-01 --type grading",
    "locks check", "explain yesterday", "diff yesterday", "report", "accuracy",
    "compare --date 2026-01-01 --with nba_predictions.other",
)  # fmt: skip

Run = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command line on a machine without any login; returns exit code, output and errors."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # it would ask for a metadata server for 9 s
    monkeypatch.setattr(wiring, "stop_with_sigterm", lambda _: None)

    def invoke(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grading", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return invoke


def _is_one_line_and_a_command(said: tuple[int, str, str], line: str, command: str) -> None:
    code, out, err = said
    assert code == 1
    assert out == ""
    first, *rest = err.splitlines()
    assert first.startswith("error: ")
    assert line in first
    assert rest == [f"  {command}"]


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_without_a_project(run: Run, command: str) -> None:
    _is_one_line_and_a_command(
        run(command), "GOOGLE_CLOUD_PROJECT is not set", "export GOOGLE_CLOUD_PROJECT=my-project"
    )


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_without_a_login(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """BigQuery's, and for the locks Firestore's."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    _is_one_line_and_a_command(run(command), "no Google login", "gcloud auth application-default login")


def test_with_debug_the_traceback_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setattr(sys, "argv", ["grading", "status", "--debug"])
    with pytest.raises(Exception, match="default credentials were not found"):
        main()


def test_without_a_network(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A login is there, and nothing answers."""
    login = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    path = tmp_path / "login.json"
    path.write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    _is_one_line_and_a_command(run("status"), "cannot be reached", "gcloud info --run-diagnostics")


def test_without_the_local_stack_that_is_configured(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setenv("BIGQUERY_API_ENDPOINT", "http://127.0.0.1:1")
    _is_one_line_and_a_command(run("status"), "127.0.0.1:1 does not answer", "make stack")


def _error(code: int, reason: str, message: str) -> tuple[int, dict[str, object]]:
    return code, {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


TABLE = {"tableReference": {"projectId": "my-project", "datasetId": "nba_predictions", "tableId": "grading_runs"}}
ANSWERS: list[tuple[tuple[int, dict[str, object]], str, str]] = [
    (
        _error(403, "accessNotConfigured", "BigQuery API has not been used in project my-project before or it is "
               "disabled. Enable it by visiting https://console.developers.google.com/apis/api/bigquery.googleapis.com"),
        "the API bigquery.googleapis.com is not enabled",
        "gcloud services enable bigquery.googleapis.com --project=my-project",
    ),
    (
        _error(403, "accessDenied", "Access Denied: Table my-project:d.t: User does not have permission"),
        "the login may not do this in my-project",
        "gcloud projects get-iam-policy my-project",
    ),
    (
        _error(404, "notFound", "Not found: Table my-project:nba_predictions.grading_runs"),
        "the service's tables are not there yet",
        "python -m grading init",
    ),
    (
        _error(404, "notFound", "Not found: Dataset my-project:nba_predictions was not found in location US"),
        "a dataset is not in BIGQUERY_LOCATION=US",
        "bq show --format=prettyjson my-project:nba_predictions",
    ),
    (_error(404, "notFound", "Not found: Project my-project"), "there is no project my-proj", "gcloud projects list"),
    ((200, {**TABLE, "location": "EU"}), "lies in EU, and BIGQUERY_LOCATION is US", "export BIGQUERY_LOCATION=EU"),
]  # fmt: skip


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """BigQuery's API as far as it gives this one answer."""
    code, body = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.mark.parametrize(("server", "line", "command"), ANSWERS, indirect=["server"])
def test_what_bigquery_answers(run: Run, monkeypatch: pytest.MonkeyPatch, server: str, line: str, command: str) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setenv("BIGQUERY_API_ENDPOINT", server)
    _is_one_line_and_a_command(run("status"), line, command)


def test_what_nobody_foresaw_is_one_line_too() -> None:
    """It says how to see more."""
    failure = explain(ZeroDivisionError("division by\n zero"))
    assert failure.line == "unexpected ZeroDivisionError: division by zero (--debug shows where it came from)"
    assert explain(classify(ValueError("no such thing"))).line == "ValueError: no such thing"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-02-30", "does not exist in the calendar"),
        ("2999-01-01", "is in the future"),
        ("tomorrow", "is not a date: write YYYY-MM-DD, today or yesterday"),
        ("20260101", "is not a date"),
        ("2026-1-1", "is not a date"),
        ("", "is not a date"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["grade", "--date"], ["status", "--date"], ["ungraded", "--start"], ["ungraded", "--end"],
        ["backfill", "--end", "2026-01-01", "--start"], ["recompute", "--end", "2026-01-01", "--start"],
        ["dedupe", "--table", "prediction_accuracy", "--end"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_date_that_cannot_be_is_refused_alike(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], text: str,
    said: str,
) -> None:  # fmt: skip
    """Exit code 2, the option and the value named, before anything is asked."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setattr(sys, "argv", ["grading", *command, text])
    with pytest.raises(SystemExit) as ended:
        main()
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"{command[-1]} {text}" in err or f"{command[-1]} {text!r}" in err
    assert said in err


def test_the_words_are_dates() -> None:
    assert DAY.convert("yesterday", None, None).days_ago == 1
    assert DAY.convert("today", None, None).days_ago == 0
