"""Pub/Sub delivers at least once: the same event again, also at the same time, costs one publish."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.errors import OutcomeUnknown, Transient
from foundation.events import Event
from grading.processors import PROCESSORS
from grading.settings import Settings
from grading.wiring import Application
from tests.integration.conftest import DAY, RecordingSink, rows_of
from tests.integration.slate import load_day
from tests.processes import CONTEXT
from warehouse.bigquery import Warehouse

PLAYERS = 20


def event(published: datetime, event_id: str = "event-1", *, aggregation: bool = False) -> dict[str, Any]:
    """The event's data as the function gets it."""
    body = {"target_date": str(DAY), "trigger_source": "test", "run_aggregation": aggregation}
    data = base64.b64encode(json.dumps(body).encode()).decode()
    return {"message": {"data": data, "messageId": event_id, "publishTime": published.isoformat()}}


def deliver(application: Application, published: datetime, event_id: str = "event-1", **given: Any) -> None:
    application.handler.handle(event(published, event_id, **given), event_id=event_id)


def runs(application: Application) -> list[dict[str, Any]]:
    """The published runs."""
    table = application.settings.target("grading_runs")
    return rows_of(application.bigquery_client, f"SELECT * FROM `{table}` WHERE committed_at IS NOT NULL")


def ends(sink: RecordingSink) -> list[tuple[str, bool]]:
    """How each run ended, and whether it was told to be a repeat."""
    return [(told.fields["status"], told.fields["repeat"]) for told in sink.named("run_finished")]


@pytest.fixture
def ready(application: Application, bigquery_client: bigquery.Client) -> Application:
    load_day(bigquery_client, application.settings, DAY, PLAYERS)
    return application


def test_the_same_event_again_is_acknowledged_without_work(ready: Application, sink: RecordingSink) -> None:
    """The logs tell the first delivery from the repeat."""
    published = datetime.now(UTC)
    deliver(ready, published)
    [first] = runs(ready)
    deliver(ready, published)
    assert runs(ready) == [first]
    assert ends(sink) == [("success", False), ("superseded", True)]


def test_an_older_event_is_satisfied_but_no_repeat(ready: Application, sink: RecordingSink) -> None:
    """Another event's run was staged after this one was published: nothing to do, and not the same delivery."""
    now = datetime.now(UTC)
    deliver(ready, now, "newer")
    deliver(ready, now - timedelta(seconds=30), "older")
    assert len(runs(ready)) == 1
    assert ends(sink) == [("success", False), ("superseded", False)]


def test_an_event_published_after_the_run_is_new_work(ready: Application, sink: RecordingSink) -> None:
    deliver(ready, datetime.now(UTC), "one")
    deliver(ready, datetime.now(UTC) + timedelta(seconds=1), "another")
    assert len(runs(ready)) == 2
    assert ends(sink) == [("success", False), ("success", False)]


def test_a_repeat_does_what_the_first_delivery_left_undone(ready: Application, sink: RecordingSink) -> None:
    """Graded, then the process died before the aggregates: the repeat computes these, and only these."""
    published = datetime.now(UTC)
    deliver(ready, published, aggregation=False)
    deliver(ready, published, aggregation=True)
    assert sorted(run["processor"] for run in runs(ready)) == sorted(processor.name for processor in PROCESSORS)
    deliver(ready, published, aggregation=True)
    assert len(runs(ready)) == len(PROCESSORS)
    assert ends(sink)[-3:] == [("superseded", True)] * 3


def test_a_publish_whose_end_is_unknown_is_recognised_by_the_redelivery(
    ready: Application, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did commit, but nobody learnt of it: the event comes again, and ends without a second publish."""
    published = datetime.now(UTC)
    run = Warehouse.run

    def unanswered(self: Warehouse, sql: Any, *, job_id: str, deadline: Any) -> Any:
        result = run(self, sql, job_id=job_id, deadline=deadline)
        if "-publish-" in job_id:
            raise OutcomeUnknown(f"job {job_id} was sent, and no answer came")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "run", unanswered)
        with pytest.raises(Transient):
            deliver(ready, published)
    [held] = ready.lock("grading").list_locks()
    ready.lock("grading").force_release(DAY, if_version=held.version)
    deliver(ready, published)
    assert len(runs(ready)) == 1
    assert ends(sink) == [("failed", False), ("superseded", True)]


def deliver_in_process(settings: Settings, published: datetime, times: int, barrier: Any, answers: Connection) -> None:
    """One instance: gets events, each of which every other instance gets at the same moment."""
    seen: list[tuple[str, bool]] = []

    class Sink:
        def record(self, told: Event) -> None:
            if told.name == "run_finished":
                seen.append((told.fields["status"], told.fields["repeat"]))

    application = Application(settings, sinks=(Sink(),))
    for number in range(times):
        barrier.wait(60)
        deliver(application, published + timedelta(milliseconds=number), f"event-{number}")
    answers.send(seen)


@contextmanager
def instances(settings: Settings, published: datetime, times: int, count: int) -> Iterator[list[Connection]]:
    """Processes that all get the same events at once."""
    barrier = CONTEXT.Barrier(count)
    pipes, processes = [], []
    for _ in range(count):
        mine, theirs = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=deliver_in_process, args=(settings, published, times, barrier, theirs))
        process.start()
        pipes.append(mine)
        processes.append(process)
    try:
        yield pipes
    finally:
        for process in processes:
            process.join(20)
            process.kill()


def test_the_same_event_at_once_costs_one_publish(ready: Application) -> None:
    """Three instances get one event at the same moment: one publishes, the others are distinguished as repeats."""
    with instances(ready.settings, datetime.now(UTC), times=1, count=3) as pipes:
        seen = [ended for pipe in pipes if pipe.poll(60) for ended in pipe.recv()]
    assert sorted(seen) == [("success", False), ("superseded", True), ("superseded", True)]
    assert len(runs(ready)) == 1


def test_without_the_check_each_delivery_publishes(ready: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: nothing else keeps a repeat from working."""
    published = datetime.now(UTC)
    monkeypatch.setattr(type(ready.writer), "satisfied", lambda _self, _batch, _staged=None: ())
    deliver(ready, published)
    deliver(ready, published)
    assert len(runs(ready)) == 2
