"""Jobs with lost, late and repeated answers. What the emulator cannot do is played at the HTTP edge."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from foundation.clock import Deadline, SystemClock
from foundation.errors import DeadlineExceeded, OutcomeUnknown, StatementRefused, WarehouseUnavailable
from localdev.bigquery import BigQueryEmulator
from warehouse.bigquery import Warehouse
from warehouse.statements import Sql, TablePath

Answer = Callable[[requests.PreparedRequest], "requests.Response | None"]


class Edge(requests.adapters.HTTPAdapter):
    """Lets a test answer a request itself; whatever it does not answer goes to the emulator."""

    def __init__(self, before: Answer = lambda _: None, after: Answer = lambda _: None) -> None:
        super().__init__()
        self._before, self._after = before, after
        self.sent: list[str] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.sent.append(f"{request.method} {request.path_url.split('?')[0]}")
        if (early := self._before(request)) is not None:
            return early
        response = super().send(request, *args, **options)
        _ = response.content  # read to its end, the connection goes back to its pool, whatever comes now
        late = self._after(request)
        return response if late is None else late


def answer(request: requests.PreparedRequest, status: int, body: dict[str, Any]) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(body).encode()
    response.headers["Content-Type"] = "application/json"
    response.request = request
    response.url = request.url or ""
    return response


def refusal(code: int, reason: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


def is_insert(request: requests.PreparedRequest) -> bool:
    return request.method == "POST" and request.path_url.split("?")[0].endswith("/jobs")


Connect = Callable[[Edge], Warehouse]


@pytest.fixture
def connect(bigquery_emulator: BigQueryEmulator) -> Iterator[Connect]:
    """Makes a warehouse behind an edge; its connections are closed at the end."""
    with ExitStack() as sessions:

        def warehouse(edge: Edge) -> Warehouse:
            session = sessions.enter_context(requests.Session())
            session.trust_env = False
            session.mount("http://", edge)
            session.is_mtls = False  # type: ignore[attr-defined]
            client = bigquery.Client(
                project="local-grading",
                credentials=AnonymousCredentials(),
                client_options={"api_endpoint": bigquery_emulator.endpoint},
                location="US",
                _http=session,
            )
            return Warehouse(client)

        yield warehouse


def soon(seconds: float = 30) -> Deadline:
    return Deadline.after(seconds, SystemClock())


def job_id() -> str:
    return f"test-{uuid.uuid4().hex}"


def test_a_second_job_of_the_same_id_attaches_to_the_first(connect: Connect) -> None:
    """BigQuery answers 409 to a repeated insert: the caller gets the first job's rows and creation time."""
    identity = job_id()
    plain = connect(Edge())
    first = plain.run(Sql("SELECT 7 AS seven"), job_id=identity, deadline=soon())
    conflict = Edge(
        before=lambda r: (
            answer(r, 409, refusal(409, "duplicate", f"Already Exists: Job {identity}")) if is_insert(r) else None
        )
    )
    again = connect(conflict).run(Sql("SELECT 7 AS seven"), job_id=identity, deadline=soon())
    assert again == first
    assert again.rows == [{"seven": 7}]


def test_an_insert_whose_answer_is_lost_is_repeated_under_its_own_id(connect: Connect) -> None:
    """The repeat meets 409, as in BigQuery, and attaches."""
    seen: list[int] = []

    def lose_the_first(request: requests.PreparedRequest) -> requests.Response | None:
        if is_insert(request):
            seen.append(1)
            if len(seen) == 1:
                raise requests.exceptions.ConnectionError("cut after it was executed")
        return None

    def conflict_on_the_second(request: requests.PreparedRequest) -> requests.Response | None:
        if is_insert(request) and seen:
            seen.append(2)
            return answer(request, 409, refusal(409, "duplicate", "Already Exists: Job"))
        return None

    edge = Edge(before=conflict_on_the_second, after=lose_the_first)
    result = connect(edge).run(Sql("SELECT 1 AS one"), job_id=job_id(), deadline=soon())
    assert result.rows == [{"one": 1}]
    assert seen == [1, 2]


def test_a_silent_warehouse_leaves_the_outcome_unknown(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not "failed": the job may have run, so its lock must not be released under it."""
    monkeypatch.setattr("warehouse.bigquery.RETRY", bigquery.DEFAULT_RETRY.with_timeout(0.5))

    def cut(request: requests.PreparedRequest) -> requests.Response | None:
        raise requests.exceptions.ConnectionError("cut")

    with pytest.raises(OutcomeUnknown, match="was sent, and no answer came"):
        connect(Edge(before=cut)).run(Sql("SELECT 1"), job_id=job_id(), deadline=soon())


def test_a_job_that_runs_out_of_time_is_cancelled(connect: Connect) -> None:
    """The client asks for the cancellation, and says what it learnt."""

    def still_running(request: requests.PreparedRequest) -> requests.Response | None:
        path = request.path_url.split("?")[0]
        if request.method == "POST" and path.endswith("/cancel"):
            return answer(request, 200, {"job": {"status": {"state": "RUNNING"}}})
        if is_insert(request) or "/queries/" in path or "/jobs/" in path:
            reference = {"projectId": "local-grading", "jobId": "slow", "location": "US"}
            return answer(
                request,
                200,
                {
                    "jobReference": reference,
                    "configuration": {"query": {"query": "SELECT 1"}},
                    "status": {"state": "RUNNING"},
                    "jobComplete": False,
                    "statistics": {"creationTime": "1700000000000"},
                },
            )
        return None

    edge = Edge(before=still_running)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warehouse.job_end._CANCEL_SECONDS", 0.2)
        with pytest.raises(OutcomeUnknown, match="ran out of time"):
            connect(edge).run(Sql("SELECT 1"), job_id="slow", deadline=soon(1.2))
    assert "POST /bigquery/v2/projects/local-grading/jobs/slow/cancel" in edge.sent


def test_a_refused_statement_is_told_at_once(connect: Connect) -> None:
    with pytest.raises(StatementRefused):
        connect(Edge()).run(Sql("SELEKT 1"), job_id=job_id(), deadline=soon())


def test_nothing_is_sent_when_no_time_is_left(connect: Connect) -> None:
    edge = Edge()
    with pytest.raises(DeadlineExceeded):
        connect(edge).run(Sql("SELECT 1"), job_id=job_id(), deadline=soon(0.5))
    assert edge.sent == []


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_connection_that_is_refused_is_told_as_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt failed to connect: no job can be running, and waiting for longer helps nobody."""
    monkeypatch.setattr("warehouse.requests.UNREACHED_SECONDS", 0.5)
    client = bigquery.Client(
        project="local-grading",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{closed_port()}"},
    )
    with pytest.raises(WarehouseUnavailable, match="was not sent") as failed:
        Warehouse(client).run(Sql("SELECT 1"), job_id=job_id(), deadline=soon())
    assert not isinstance(failed.value, OutcomeUnknown)
    with pytest.raises(WarehouseUnavailable, match="was not sent") as failed:
        Warehouse(client).load([{"a": 1}], TablePath("project", "dataset", "t"), [], job_id=job_id(), deadline=soon())
    assert not isinstance(failed.value, OutcomeUnknown)
    client.close()


def test_a_job_whose_sending_is_refused_has_no_unknown_end(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.bigquery.RETRY", bigquery.DEFAULT_RETRY.with_timeout(0.5))

    def denied(request: requests.PreparedRequest) -> requests.Response | None:
        return answer(request, 403, refusal(403, "accessDenied", "Access Denied: Project local-grading"))

    with pytest.raises(WarehouseUnavailable, match="Access Denied") as failed:
        connect(Edge(before=denied)).run(Sql("SELECT 1"), job_id=job_id(), deadline=soon())
    assert not isinstance(failed.value, OutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "reason", "text"),
    [
        (404, "notFound", "Not found: Job local-grading:US.x"),
        (403, "accessDenied", "Access Denied: Job local-grading:US.x"),
        (400, "invalid", "an answer that says nothing of the job"),
    ],
)
def test_a_job_that_was_accepted_is_not_ended_by_the_answer_to_a_look(
    connect: Connect, status: int, reason: str, text: str
) -> None:
    """The job runs on, whatever the request that asks for it is answered."""

    def lost(request: requests.PreparedRequest) -> requests.Response | None:
        path = request.path_url.split("?")[0]
        if is_insert(request):
            reference = {"projectId": "local-grading", "jobId": "slow", "location": "US"}
            running = {"state": "RUNNING"}
            query = {"query": {"query": "SELECT 1"}}
            return answer(request, 200, {"jobReference": reference, "configuration": query, "status": running})
        return answer(request, status, refusal(status, reason, text)) if "/jobs/" in path else None

    with pytest.raises(OutcomeUnknown, match="its end is unknown"):
        connect(Edge(before=lost)).run(Sql("SELECT 1"), job_id="slow", deadline=soon())
