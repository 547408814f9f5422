"""An HTTP proxy before the BigQuery emulator: delays, cuts, refuses, and answers 409 as BigQuery does.

The emulator runs a job again whose id it knows; BigQuery answers 409. So does the proxy, always: an id is known
from the moment at which its request has arrived, whether or not the client ever learns of it.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_JOB_IN_PATH = re.compile(r"/(?:jobs|queries)/([^/?]+)")
_STEP = re.compile(r"-([a-z-]+)-\d+$")
_LONGEST_WAIT_SECONDS = 15.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"})

# What BigQuery answers: https://cloud.google.com/bigquery/docs/error-messages
_ANSWERS = {
    "BigQuery: 429": (429, "rateLimitExceeded", "Exceeded rate limits: too many api requests"),
    "BigQuery: 500": (500, "internalError", "An internal error occurred and the request could not be completed."),
    "BigQuery: 503": (503, "backendError", "Service is temporarily unavailable."),
    "BigQuery: concurrent update": (
        400,
        "invalidQuery",
        "Transaction is aborted due to concurrent update against table local-grading:nba_predictions.accuracy",
    ),
}
_QUEUE_FULL = (
    "Resources exceeded during query execution: Too many DML statements outstanding against table "
    "local-grading:nba_predictions.prediction_accuracy_fence, limit is 20."
)
_DENIED = (403, "accessDenied", "Access Denied: Project local-grading: User does not have bigquery.jobs.create")
_ANSWERS["BigQuery: 403 for a while"] = _DENIED
_ANSWERS["BigQuery: DML queue full"] = (400, "resourcesExceeded", _QUEUE_FULL)
_OF_PUBLISH = ("BigQuery: concurrent update", "BigQuery: DML queue full", "BigQuery: rows deleted after the commit")
_ONLY_INSERTS = frozenset(
    {
        "BigQuery: 404 for a job that runs on",
        "BigQuery: DML queue full",
        "BigQuery: rows deleted after the commit",
        "BigQuery: concurrent update",
        "BigQuery: 409 for a job id",
        "BigQuery: answer swallowed",
        "BigQuery: runs after the cut",
    }
)


@dataclass(frozen=True, slots=True)
class _Armed:
    kind: str
    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class WarehouseProxy:
    """A context manager; `endpoint` is the value for BIGQUERY_API_ENDPOINT, `hits` counts faults that happened."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._mutex = threading.Lock()
        self._armed: list[_Armed] = []
        self._jobs: dict[str, threading.Event] = {}
        self._dark_until = self._denied_until = 0.0
        self._unknown: set[str] = set()
        self.after_publish: Callable[[str], object] = lambda _sql: None
        self.hits: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def arm(self, kind: str, *, step: str = "", seconds: float = 0.0) -> None:
        """The next request of that step of a run meets the fault. An outage begins now, and lasts `seconds`."""
        with self._mutex:
            if kind == "BigQuery: outage":
                self._dark_until = time.monotonic() + seconds
            elif kind == "BigQuery: 403 for a while":
                self._denied_until = time.monotonic() + seconds
            else:
                self._armed.append(_Armed(kind, "publish" if kind in _OF_PUBLISH else step, seconds))

    def disarm(self) -> None:
        """Forget the faults that did not happen."""
        with self._mutex:
            self._armed.clear()
            self._dark_until = self._denied_until = 0.0
            self._unknown.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, step: str, *, insert: bool) -> _Armed | None:
        with self._mutex:
            if time.monotonic() < self._dark_until:
                self.hits["BigQuery: outage"] += 1
                return _Armed("BigQuery: outage", "", 0.0)
            if time.monotonic() < self._denied_until:
                self.hits["BigQuery: 403 for a while"] += 1
                return _Armed("BigQuery: 403 for a while", "", 0.0)
            for place, armed in enumerate(self._armed):
                if armed.step == step and (insert or armed.kind not in _ONLY_INSERTS):
                    self.hits[armed.kind] += 1
                    return self._armed.pop(place)
        return None

    def _accept(self, job_id: str) -> threading.Event | None:
        """The event that the job has ended sets; None if the id is known."""
        with self._mutex:
            if job_id in self._jobs:
                return None
            ended = self._jobs[job_id] = threading.Event()
            return ended

    def _is_unknown(self, job_id: str) -> bool:
        """Whether a job is denied, once, that has been accepted."""
        with self._mutex:
            if job_id not in self._unknown:
                return False
            self._unknown.discard(job_id)
            return True

    def _wait_for(self, job_id: str) -> None:
        """Until a job that was accepted has ended: the emulator does not know it before."""
        with self._mutex:
            ended = self._jobs.get(job_id)
        if ended:
            ended.wait(_LONGEST_WAIT_SECONDS)

    def answer(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> _Answer | None:
        """The answer to one request; None if the connection is to be cut."""
        bare = path.partition("?")[0]
        insert = method == "POST" and bare.endswith("/jobs")
        job_id = _job_id(body) if insert else (m[1] if (m := _JOB_IN_PATH.search(bare)) else "")
        step = m[1] if (m := _STEP.search(job_id)) else ""
        fault = self._take(step, insert=insert)
        if fault is not None:
            if fault.kind in ("BigQuery: cut before", "BigQuery: outage"):
                return None
            if fault.kind in _ANSWERS:
                return _error(*_ANSWERS[fault.kind])
            if fault.kind == "BigQuery: slow answer":
                time.sleep(fault.seconds)
        if insert and job_id:
            return self._insert(fault, job_id, method, path, headers, body)
        if self._is_unknown(job_id):
            return _error(404, "notFound", f"Not found: Job local-grading:US.{job_id}")
        self._wait_for(job_id)
        return self._forward(method, path, headers, body)

    def _insert(
        self, fault: _Armed | None, job_id: str, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> _Answer | None:
        kind = fault.kind if fault else ""
        ended = self._accept(job_id)
        if ended is None:
            return _duplicate(job_id)
        if fault is not None and kind in ("BigQuery: runs after the cut", "BigQuery: 404 for a job that runs on"):
            threading.Timer(fault.seconds, self._run, (ended, method, path, headers, body)).start()
            if kind == "BigQuery: runs after the cut":
                return None
            with self._mutex:
                self._unknown.add(job_id)
            return _duplicate(job_id)
        answer = self._run(ended, method, path, headers, body)
        if kind == "BigQuery: rows deleted after the commit":
            self.after_publish(_sql_of(body))
        if kind == "BigQuery: answer swallowed":
            return None
        return _duplicate(job_id) if kind == "BigQuery: 409 for a job id" else answer

    def _run(
        self, ended: threading.Event, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> _Answer | None:
        try:
            return self._forward(method, path, headers, body)
        finally:
            ended.set()

    def _forward(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> _Answer | None:
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        try:
            kept = {name: value for name, value in headers if name.lower() not in _HOP_BY_HOP}
            connection.request(method, path, body or None, kept)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        kept_back = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
        return _Answer(response.status, kept_back, answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = proxy.answer(self.command, self.path, list(self.headers.items()), body)
                if answer is None:
                    self.close_connection = True
                    return
                try:
                    self.send_response_only(answer.status)
                    for name, value in answer.headers:
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                except OSError:
                    self.close_connection = True  # the client was killed, or has given up

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True

        return Handler


def _job_id(body: bytes) -> str:
    try:
        return str(json.loads(body)["jobReference"]["jobId"])
    except (ValueError, KeyError, TypeError):
        return ""


def _sql_of(body: bytes) -> str:
    try:
        return str(json.loads(body)["configuration"]["query"]["query"])
    except (ValueError, KeyError, TypeError):
        return ""


def _duplicate(job_id: str) -> _Answer:
    return _error(409, "duplicate", f"Already Exists: Job storm:US.{job_id}")


def _error(status: int, reason: str, message: str) -> _Answer:
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return _Answer(status, [("Content-Type", "application/json")], json.dumps({"error": error}).encode())
