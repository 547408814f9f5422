"""SIGTERM during a run, in real processes: it ends within 10 s, and its lock is not left if it can be released."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from grading.processors import GRADING
from grading.wiring import Application
from localdev.environment import isolated
from localdev.function import FunctionServer
from localdev.processes import wait_until
from localdev.settings import as_environment
from locking.line import waiters
from locking.lock import lock_document
from locking.status import LockStatus
from tests.faults.conftest import DAY, PLAYERS
from tests.faults.storm.warehouse_proxy import WarehouseProxy

GRACE_SECONDS = 10.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def proxy(graded: Application) -> Iterator[WarehouseProxy]:
    with WarehouseProxy(graded.settings.bigquery_api_endpoint) as proxy:
        yield proxy


@contextmanager
def grading(application: Application, proxy: WarehouseProxy) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m grading grade` behind the proxy, without the aggregates."""
    settings = replace(application.settings, bigquery_api_endpoint=proxy.endpoint)
    process = subprocess.Popen(
        [sys.executable, "-m", "grading", "grade", "--date", str(DAY), "--no-aggregation"],
        env=isolated() | as_environment(settings),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stop(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM; the exit status, which must come within the grace."""
    process.send_signal(signal.SIGTERM)
    return process.wait(GRACE_SECONDS)


def published(application: Application) -> int:
    runs = application.settings.target("grading_runs")
    [row] = application.bigquery_client.query_and_wait(
        f"SELECT COUNT(*) AS n FROM `{runs}` WHERE committed_at IS NOT NULL", api_timeout=30
    )
    return int(row["n"])


def locks(application: Application) -> list[LockStatus]:
    return application.lock("grading").list_locks()


def rows(application: Application) -> tuple[int, int]:
    """Rows and runs of the date."""
    target = application.settings.target(GRADING.name)
    [row] = application.bigquery_client.query_and_wait(
        f"SELECT COUNT(*) AS n, COUNT(DISTINCT run_id) AS runs FROM `{target}` WHERE game_date = '{DAY}'",
        api_timeout=30,
    )
    return row["n"], row["runs"]


def meet(proxy: WarehouseProxy) -> None:
    """Return once the armed fault has been met: the step runs now."""
    assert wait_until(lambda: proxy.hits["BigQuery: slow answer"] > 0, timeout_seconds=60)


def test_during_the_publish_it_is_finished(graded: Application, proxy: WarehouseProxy) -> None:
    """The step that runs may end: it commits, and the lock is released after it."""
    proxy.arm("BigQuery: slow answer", step="publish", seconds=1.0)
    with grading(graded, proxy) as process:
        meet(proxy)
        assert [held.key.document_id for held in locks(graded)] == [f"grading_{DAY}"]
        assert stop(process) == 0
    assert (published(graded), rows(graded), locks(graded)) == (2, (PLAYERS, 1), [])


def test_before_the_publish_it_is_given_up(graded: Application, proxy: WarehouseProxy) -> None:
    """The next step is refused: nothing was published, the lock is free, the staging table is gone."""
    proxy.arm("BigQuery: slow answer", step="stage", seconds=4.0)
    with grading(graded, proxy) as process:
        meet(proxy)
        assert stop(process) == 1
    assert (published(graded), rows(graded), locks(graded)) == (1, (PLAYERS, 1), [])


def test_during_the_wait_for_the_lock_it_is_given_up(graded: Application, proxy: WarehouseProxy) -> None:
    """And the run does not go on without the lock, as it would after a wait."""
    with graded.lock("grading").acquire(DAY, "someone else"):
        with grading(graded, proxy) as process:
            line = waiters(lock_document("grading", DAY))
            assert wait_until(lambda: bool(graded.lock_store.versions(line, timeout=5)), timeout_seconds=60)
            assert stop(process) == 1
        assert published(graded) == 1


def test_a_publish_that_may_still_commit_keeps_its_lock(graded: Application, proxy: WarehouseProxy) -> None:
    """No answer within the grace: the process is killed, the lock stays for its lease, and the write lands whole."""
    proxy.arm("BigQuery: slow answer", step="publish", seconds=GRACE_SECONDS + 1)
    with grading(graded, proxy) as process:
        meet(proxy)
        with pytest.raises(subprocess.TimeoutExpired):
            stop(process)
        assert [held.key.document_id for held in locks(graded)] == [f"grading_{DAY}"]
        process.kill()
    assert wait_until(lambda: published(graded) == 2, timeout_seconds=30)
    assert rows(graded) == (PLAYERS, 1)
    assert len(locks(graded)) == 1


def test_the_function_finishes_its_event(graded: Application, proxy: WarehouseProxy, tmp_path: Path) -> None:
    """Under functions-framework, as deployed: SIGTERM reaches the run, which ends, and so does the server."""
    settings = replace(graded.settings, bigquery_api_endpoint=proxy.endpoint)
    function = FunctionServer(environment=as_environment(settings), log_directory=tmp_path, instances=1)
    message = {"target_date": str(DAY), "trigger_source": "test", "run_aggregation": False}
    answers: list[int] = []

    def send() -> None:
        answers.append(function.send(message, project="p", topic="t", timeout_seconds=60).status_code)

    with function:
        proxy.arm("BigQuery: slow answer", step="stage", seconds=4.0)
        sender = threading.Thread(target=send)
        sender.start()
        meet(proxy)
        began = time.monotonic()
        os.killpg(function._process.pid, signal.SIGTERM)  # type: ignore[union-attr]
        sender.join(GRACE_SECONDS)
        assert wait_until(lambda: not function.is_running(), timeout_seconds=GRACE_SECONDS)
        assert time.monotonic() - began < GRACE_SECONDS
    assert answers == [500]
    names = [event["event"] for event in function.events()]
    assert "lock_released" in names
    [finished] = [event for event in function.events() if event["event"] == "run_finished"]
    assert (finished["status"], finished["detail"]) == ("failed", "the process was told to stop")
    assert "alert_not_configured" not in names
    assert (published(graded), rows(graded), locks(graded)) == (1, (PLAYERS, 1), [])
