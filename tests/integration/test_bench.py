"""The benchmark compares like with like: every design gives the same rows, and ours alone is never seen in part."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
from requests.adapters import HTTPAdapter

from bench.exposure import expose
from bench.generated_date import DAY
from bench.place import Place
from bench.wire import count_traffic
from bench.worker import DESIGNS, OURS, OURS_ALL, REPLACED
from localdev.graded import read_graded, same_grades

ROWS = 3_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("bench"), ROWS) as place:
        yield place


@pytest.fixture(scope="module")
def results(place: Place) -> dict[str, dict[str, object]]:
    return {design: place.run(design) for design in DESIGNS}


def test_every_design_gives_the_same_rows(place: Place, results: dict[str, object]) -> None:
    """Row by row, in every column but when and by which run; superseded, voided and ungraded cases among them."""
    ours = read_graded(place.client, place.target(OURS), DAY)
    assert 0.8 * ROWS < len(ours) < ROWS
    assert any(row["is_voided"] for row in ours)
    assert any(row["void_reason"] == "dnp_late_scratch" for row in ours)
    for design in DESIGNS:
        assert same_grades(ours, read_graded(place.client, place.target(design), DAY)), design
        assert place.fingerprint(design) == place.fingerprint(OURS), design


def test_ours_moves_little_and_takes_few_jobs(results: dict[str, dict[str, float]]) -> None:
    """Less than 1 MiB and at most 15 jobs with all three processors; the replaced design moves the date itself."""
    ours, all_three = results[OURS], results[OURS_ALL]
    assert all_three["bytes_up"] + all_three["bytes_down"] < 2**20
    assert ours["jobs"] < all_three["jobs"] <= 15
    assert ours["statements_in_transaction"] > 0
    assert results[REPLACED]["bytes_up"] > 2**20


def test_a_reader_sees_ours_whole(place: Place, results: dict[str, object]) -> None:
    """Two writers at once and a reader that polls throughout: never empty, in part, or doubled."""
    seen = expose(place, OURS, writers=2)
    assert seen.polls > 1
    assert (seen.empty_ms, seen.partial_ms, seen.doubled_ms, seen.excess_rows) == (0, 0, 0, 0)


class _Canned(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *arguments: object, **options: object) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response._content = b"x" * 100
        return response


def test_traffic_is_counted_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies count in both directions, a job once, and its time under the step that its id names."""
    monkeypatch.setattr(HTTPAdapter, "send", _Canned.send)
    session = requests.Session()
    traffic = count_traffic(session)
    job_id = f"grading-prediction_accuracy-2024-01-15-{'a' * 32}-stage-3"
    body = json.dumps({"jobReference": {"jobId": job_id}, "query": "q" * 500})
    session.post("http://127.0.0.1/projects/p/jobs", data=body)
    session.get(f"http://127.0.0.1/projects/p/queries/{job_id}")
    session.get("http://127.0.0.1/projects/p/datasets/d/tables/t")
    assert (traffic.requests, traffic.jobs) == (3, 1)
    assert traffic.bytes_up > 500
    assert traffic.bytes_down == 300
    assert set(traffic.seconds) == {"prediction_accuracy: stage", "table metadata"}
