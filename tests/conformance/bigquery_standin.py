"""BigQuery at its HTTP edge: statements run in the emulator, and what the emulator lacks is as documented.

Job ids are refused when used, scripts run at once and abort each other, children have statistics, sessions span jobs,
a script can be stopped, a dataset can be closed. `faults` names what misbehaves.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import requests

_TABLE = re.compile(r"`([^`]+)`")
_MUTATED = re.compile(r"^\s*(?:MERGE|UPDATE|DELETE FROM)\s+`([^`]+)`", re.MULTILINE)
_INSERTED = re.compile(r"^\s*INSERT INTO\s+`([^`]+)`", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_EMPTY_DATE = "DATE '1999-01-01'"
_TRANSACTION = "BEGIN TRANSACTION"
_JSON = {"Content-Type": "application/json"}
_BYTES = 1000
_TOGETHER_SECONDS = 0.3

Answer = tuple[int, bytes]


def error(status: int, reason: str, message: str) -> Answer:
    """An error as BigQuery writes it."""
    body = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return status, json.dumps({"error": body}).encode()


@dataclass
class Job:
    """A job that the stand-in itself keeps."""

    job_id: str
    text: str
    created: float
    state: str = "RUNNING"
    failure: tuple[str, str] | None = None
    ended: float = 0.0
    session_id: str = ""
    children: list[Job] = field(default_factory=list)
    kind: str = "SCRIPT"
    bytes_read: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def as_dict(self, project: str) -> dict[str, Any]:
        status: dict[str, Any] = {"state": self.state}
        if self.failure:
            status["errorResult"] = {"reason": self.failure[0], "message": self.failure[1]}
            status["errors"] = [status["errorResult"]]
        statistics: dict[str, Any] = {
            "creationTime": _ms(self.created),
            "startTime": _ms(self.created),
            "totalBytesProcessed": str(self.bytes_read),
            "query": {
                "statementType": self.kind,
                "totalBytesProcessed": str(self.bytes_read),
                "totalBytesBilled": str(self.bytes_read),
            },
        }
        if self.ended:
            statistics["endTime"] = _ms(self.ended)
        if self.session_id:
            statistics["sessionInfo"] = {"sessionId": self.session_id}
        return {
            "kind": "bigquery#job",
            "id": f"{project}:US.{self.job_id}",
            "jobReference": {"projectId": project, "jobId": self.job_id, "location": "US"},
            "configuration": {"jobType": "QUERY", "query": {"query": self.text, "useLegacySql": False}},
            "status": status,
            "statistics": statistics,
        }


def _ms(moment: float) -> str:
    return str(round(moment * 1000))


@dataclass
class Transaction:
    """An open transaction of a session: what it would write, and how often each table was changed at its begin."""

    versions: Counter[str]
    statements: list[str] = field(default_factory=list)
    appended: list[str] = field(default_factory=list)

    def mutates(self, table: str) -> bool:
        return any(table in _MUTATED.findall(statement) for statement in self.statements)


class BigQueryStandIn:
    """A context manager; `endpoint` is the value for a client's api_endpoint.

    Args:
        upstream: the emulator's endpoint.
        faults: what misbehaves, by name; see where each is asked for.
        closed: how the name of a dataset without rights ends.
    """

    def __init__(self, upstream: str, *faults: str, closed: str = "_closed") -> None:
        self.faults = frozenset(faults)
        self.refuses = False
        self.calls: list[str] = []
        self.configurations: list[dict[str, Any]] = []
        self._upstream, self._closed = upstream, closed
        self._mutex = threading.RLock()
        self._upstream_lock = threading.Lock()
        self._jobs: dict[str, Job | Answer] = {}
        self._sessions: dict[str, Transaction | None] = {}
        self._versions: Counter[str] = Counter()
        self._running: dict[str, set[str]] = {}
        self._calls = requests.Session()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for job in list(self._jobs.values()):
            if isinstance(job, Job):
                job.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._calls.close()

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """One request."""
        if self.refuses:
            return error(403, "accessDenied", "Access Denied: the account has no role in the project")
        parts = urlsplit(path)
        where = parts.path.partition("/projects/")[2].split("/")[1:]
        asked = json.loads(body) if method == "POST" and where == ["jobs"] and body else {}
        self._record(method, where, asked)
        if asked:
            return self._insert(asked, path, body)
        if method == "GET" and where == ["jobs"]:
            return self._children(parse_qs(parts.query).get("parentJobId", [""])[0])
        if len(where) >= 2 and where[0] in ("jobs", "queries"):
            if "own jobs are hidden" in self.faults:
                return error(403, "accessDenied", f"Access Denied: Job {where[1]}: no permission bigquery.jobs.get")
            if where[2:] == ["cancel"]:
                return self._cancel(where[1])
            found = self._jobs.get(where[1])
            if isinstance(found, Job):
                return self._told(found, results=where[0] == "queries")
            if where[0] == "jobs" and found:
                return found
        answer = self._forward(method, path, body)
        if method == "GET" and where[:1] == ["datasets"] and where[2:3] == ["tables"]:
            return self._with_expiration(answer)
        return answer

    @property
    def sent(self) -> tuple[int, int]:
        """Statements that were sent to be run, and the tables in each of them."""
        texts = [
            configuration["query"]["query"]
            for configuration in self.configurations
            if "query" in configuration and not configuration.get("dryRun")
        ]
        parts = [part for text in texts for part in _statements(text)]
        return len(parts), sum(len(set(_paths(part))) for part in parts)

    # What a request means.

    def _record(self, method: str, where: list[str], asked: dict[str, Any]) -> None:
        name = {"GET": "get", "POST": "insert", "PATCH": "patch", "PUT": "patch", "DELETE": "delete"}[method]
        resource = where[2] if where[0] == "datasets" and len(where) > 2 else where[0]
        if where[0] == "queries":
            resource, name = "jobs", "getQueryResults"
        elif where[2:] == ["cancel"]:
            name = "cancel"
        elif method == "GET" and len(where) in (1, 3):
            name = "list"
        configuration = asked.get("configuration", {})
        further = " dryRun" if configuration.get("dryRun") else " copy" if "copy" in configuration else ""
        self.calls.append(f"{resource}.{name}{further}")
        if configuration:
            self.configurations.append(configuration)

    def _insert(self, asked: dict[str, Any], path: str, body: bytes) -> Answer:
        configuration, job_id = asked["configuration"], asked["jobReference"]["jobId"]
        query = configuration.get("query", {})
        text = query.get("query", "")
        if configuration.get("dryRun"):
            return self._dry_run(text)
        with self._mutex:
            if job_id in self._jobs and "runs a job id again" not in self.faults:
                return error(409, "duplicate", f"Already Exists: Job project:US.{job_id}")
            self._jobs[job_id] = (200, b"")
        shut = any(name.split(".")[1].endswith(self._closed) for name in _paths(text)) and "SELECT" in text
        if shut and "the closed dataset is open" not in self.faults:
            return error(403, "accessDenied", "Access Denied: Table: User does not have permission to query it")
        session = {entry["key"]: entry["value"] for entry in query.get("connectionProperties", [])}.get("session_id")
        if query.get("createSession") or session:
            return self._in_session(job_id, text, session or f"session-{job_id}")
        if "WHILE TRUE" in text:
            return self._endless(job_id, text, configuration)
        if _TRANSACTION in text:
            return self._script(job_id, text)
        answer = self._masked(self._forward("POST", path, body))
        if "missing is a syntax error" in self.faults and b"Not found" in answer[1]:
            answer = error(400, "invalidQuery", "Not found: but told as an invalid query")
        return self._finished(job_id, text, answer)

    def _finished(self, job_id: str, text: str, answer: Answer) -> Answer:
        """A single statement has run: what it changed, and what is told of it."""
        if answer[0] == 200:
            told = json.loads(answer[1])
            statistics = told.setdefault("statistics", {})
            number = len(self._jobs)
            now = time.time()
            created = now - number if "creation times go back" in self.faults else now
            if "creation times are off" in self.faults:
                created = now - 200 + number * 0.01
            seconds = 20.0 if "jobs are slow" in self.faults else 0.001
            statistics |= {"creationTime": _ms(created), "startTime": _ms(created), "endTime": _ms(created + seconds)}
            if "jobs are created after their start" in self.faults:
                statistics["startTime"] = _ms(created - 5)
            answer = (200, json.dumps(told).encode())
            with self._mutex:
                for table in _MUTATED.findall(_COMMENT.sub("", text)):
                    self._versions[table] += 1
                for transaction in self._sessions.values():
                    if transaction and any(transaction.mutates(table) for table in _INSERTED.findall(text)):
                        transaction.appended.append(text)
        self._jobs[job_id] = answer
        return answer

    def _dry_run(self, text: str) -> Answer:
        if "statements are refused" in self.faults and "GROUPING SETS" in text:
            return error(400, "invalidQuery", "Subquery of type IN must have only one output column")
        pruned = _EMPTY_DATE in text and "partitions are not pruned" not in self.faults
        job = Job("dry-run", text, time.time(), "DONE", kind="SELECT", bytes_read=0 if pruned else _BYTES)
        return 200, json.dumps(job.as_dict("project")).encode()

    # Scripts: they run at once, and of two that change one table one is aborted.

    def _script(self, job_id: str, text: str) -> Answer:
        job = Job(job_id, text, time.time())
        with self._mutex:
            self._jobs[job_id] = job
            tables = set(_MUTATED.findall(_COMMENT.sub("", text)))
            rivals = [other for other, theirs in self._running.items() if theirs & tables]
            if "never at once" in self.faults:
                rivals = []
            self._running[job_id] = tables
        threading.Thread(target=self._run, args=(job, tables, rivals), daemon=True).start()
        return 200, json.dumps(job.as_dict("project")).encode()

    def _run(self, job: Job, tables: set[str], rivals: list[str]) -> None:
        if "never at once" in self.faults:
            with self._upstream_lock:
                job.created = time.time()
                self._execute(job)
        else:
            # Long enough for a second script to arrive meanwhile.
            time.sleep(_TOGETHER_SECONDS if "two at once" in self.faults else 0)
            if rivals and "never aborts" not in self.faults:
                reason = "Transaction is aborted due to concurrent update against table " + min(tables)
                if "tells a conflict otherwise" in self.faults:
                    reason = "The statement could not be carried out"
                self._end(job, ("invalidQuery", reason))
            else:
                self._execute(job)
        with self._mutex:
            self._running.pop(job.job_id, None)
            if not job.failure:
                self._versions.update(dict.fromkeys(tables, 1))

    def _execute(self, job: Job) -> None:
        status, told = self._masked(self._upstream_job(job.text))
        answer = json.loads(told)
        failure = answer.get("status", {}).get("errorResult") or answer.get("error")
        if status == 200 and not failure:
            self._end(job, None)
        else:
            first = (failure.get("errors") or [failure])[0]
            self._end(job, (first.get("reason", "invalidQuery"), first.get("message", "")))

    def _end(self, job: Job, failure: tuple[str, str] | None) -> None:
        job.ended = time.time()
        job.failure = failure
        job.children = self._children_of(job)
        job.state = "DONE"

    def _children_of(self, job: Job) -> list[Job]:
        children = []
        for number, statement in enumerate(_statements(job.text)):
            kind = _kind(statement)
            child = Job(f"{job.job_id}_{number}", statement, job.created, "DONE", kind=kind)
            child.ended = job.ended or time.time()
            child.bytes_read = _BYTES if kind in ("MERGE", "INSERT") else 0
            if kind == "DELETE" and "a DELETE reads bytes" in self.faults:
                child.bytes_read = _BYTES
            if kind == "COMMIT_TRANSACTION" and "the clock is ahead" in self.faults:
                child.ended -= 30
            children.append(child)
        return children

    def _endless(self, job_id: str, text: str, configuration: dict[str, Any]) -> Answer:
        job = Job(job_id, text, time.time())
        self._jobs[job_id] = job
        before = [part for part in _statements(text) if "WHILE TRUE" not in part]
        job.children = self._children_of(Job(job_id, ";\n".join(before[:-2]), job.created))
        seconds = float(configuration["jobTimeoutMs"]) / 1000 if configuration.get("jobTimeoutMs") else None
        threading.Thread(target=self._until_stopped, args=(job, seconds), daemon=True).start()
        return 200, json.dumps(job.as_dict("project")).encode()

    def _until_stopped(self, job: Job, seconds: float | None) -> None:
        never_stops = "scripts are not stopped" in self.faults
        cancelled = job.stopped.wait(None if never_stops else seconds)
        if "a stopped script is kept" in self.faults:
            deletes = [part for part in _statements(job.text) if _kind(part) == "DELETE"]
            self._upstream_job(";\n".join(deletes) + ";")
        reason = ("stopped", "Job execution was cancelled: User requested cancellation")
        job.failure = reason if cancelled else ("timeout", "Job timed out")
        if "a stopped script is permanent" in self.faults and cancelled:
            job.failure = ("invalidQuery", "The statement could not be carried out")
        job.ended = time.time()
        job.state = "DONE"

    def _cancel(self, job_id: str) -> Answer:
        found = self._jobs.get(job_id)
        if isinstance(found, Job):
            found.stopped.set()
            return 200, json.dumps({"job": found.as_dict("project")}).encode()
        return 200, json.dumps({"job": json.loads(found[1]) if found else {}}).encode()

    # Sessions: a transaction's statements are kept until COMMIT; a snapshot is what was there at BEGIN.

    def _in_session(self, job_id: str, text: str, session_id: str) -> Answer:
        job = Job(job_id, text, time.time(), session_id=session_id, kind=_kind(text))
        self._jobs[job_id] = job
        with self._mutex:
            self._end(job, self._session_statement(text, session_id))
        return 200, json.dumps(job.as_dict("project")).encode()

    def _session_statement(self, text: str, session_id: str) -> tuple[str, str] | None:
        plain = _COMMENT.sub("", text).strip()
        transaction = self._sessions.get(session_id)
        if _TRANSACTION in plain:
            self._sessions[session_id] = Transaction(Counter(self._versions))
        elif transaction is None:
            return None
        elif plain.startswith("COMMIT"):
            self._sessions[session_id] = None
            return self._commit(transaction)
        else:
            changed = [
                table for table in _MUTATED.findall(plain) if self._versions[table] != transaction.versions[table]
            ]
            if changed and "snapshots are not isolated" not in self.faults:
                self._sessions[session_id] = None
                return "invalidQuery", f"Transaction is aborted due to concurrent update against table {changed[0]}"
            transaction.statements.append(text)
        return None

    def _commit(self, transaction: Transaction) -> tuple[str, str] | None:
        body = [
            part
            for part in transaction.statements
            if not ("snapshots are not isolated" in self.faults and "MERGE" in part)
        ]
        status, told = self._upstream_job(";\n".join([_TRANSACTION, *body, "COMMIT TRANSACTION"]) + ";")
        failure = json.loads(told).get("status", {}).get("errorResult")
        if status != 200 or failure:
            return "invalidQuery", str(failure or told)
        if "an appended row is lost" not in self.faults:
            # The emulator's DELETE saw what was appended meanwhile; a snapshot would not have.
            for text in transaction.appended:
                self._upstream_job(text)
        return None

    # What is reported.

    def _told(self, job: Job, *, results: bool) -> Answer:
        if not results:
            return 200, json.dumps(job.as_dict("project")).encode()
        if job.state == "DONE" and job.failure:
            return error(400, *job.failure)
        reference = job.as_dict("project")["jobReference"]
        complete = job.state == "DONE"
        answer = {"jobComplete": complete, "jobReference": reference, "totalRows": "0", "schema": {"fields": []}}
        return 200, json.dumps(answer).encode()

    def _children(self, parent: str) -> Answer:
        job = self._jobs.get(parent)
        children = job.children if isinstance(job, Job) else []
        listed = [child.as_dict("project") | {"state": "DONE"} for child in children]
        return 200, json.dumps({"kind": "bigquery#jobList", "jobs": listed}).encode()

    def _masked(self, answer: Answer) -> Answer:
        if "guards are masked" in self.faults:
            return answer[0], answer[1].replace(b"grading:", b"An internal check failed: ")
        if "guards let through" in self.faults and b"grading:" in answer[1]:
            return 200, json.dumps({"status": {"state": "DONE"}}).encode()
        return answer

    def _with_expiration(self, answer: Answer) -> Answer:
        """The emulator keeps no expiration of a snapshot; BigQuery keeps the one that the copy job named."""
        if answer[0] != 200 or "snapshots never end" in self.faults:
            return answer
        table = json.loads(answer[1])
        for configuration in self.configurations:
            copy = configuration.get("copy", {})
            same = copy.get("destinationTable", {}).get("tableId") == table.get("tableReference", {}).get("tableId")
            if same and (expires := copy.get("destinationExpirationTime")):
                table["expirationTime"] = _ms(datetime.fromisoformat(expires).timestamp())
        return 200, json.dumps(table).encode()

    def _upstream_job(self, text: str) -> Answer:
        body = {"configuration": {"query": {"query": text, "useLegacySql": False}}, "jobReference": {}}
        return self._forward("POST", "/bigquery/v2/projects/local-grading/jobs", json.dumps(body).encode())

    def _forward(self, method: str, path: str, body: bytes) -> Answer:
        with requests.request(method, self._upstream + path, data=body or None, headers=_JSON, timeout=60) as answer:
            return answer.status_code, answer.content


def _paths(text: str) -> list[str]:
    return [name for name in _TABLE.findall(text) if name.count(".") >= 2]


def _statements(script: str) -> list[str]:
    return [part.strip() for part in f"{script}\n".split(";\n") if part.strip()]


def _kind(statement: str) -> str:
    words = _COMMENT.sub("", statement).split()
    first = words[0].upper() if words else ""
    return {"BEGIN": "BEGIN_TRANSACTION", "COMMIT": "COMMIT_TRANSACTION"}.get(first, first)


def _handler(answer: Callable[[str, str, bytes], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            status, body = answer(
                self.command, self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0))
            )
            try:
                self.send_response_only(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    return Handler
