"""Lock metrics: one call at the end of an invocation, one point a series, and harmless when refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.monitoring_v3 import CreateTimeSeriesRequest, MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.protobuf.empty_pb2 import Empty

from foundation.events import EventLog
from monitoring.cloud_monitoring import CloudMonitoringWriter
from monitoring.metrics_sink import (
    LOCK_CONTENTION,
    LOCK_TIMEOUT,
    LOCK_WAIT_TIME,
    LockMetricsSink,
    LogMetricWriter,
    Point,
)
from tests.fakes import HandClock, RecordingSink
from tests.unit.rpc_server import RpcServer


class MetricServer(RpcServer):
    """Answers `CreateTimeSeries`, and refuses what Cloud Monitoring would refuse."""

    def __init__(self) -> None:
        super().__init__(
            "google.monitoring.v3.MetricService",
            "CreateTimeSeries",
            read=CreateTimeSeriesRequest.deserialize,
            write=Empty.SerializeToString,
            answer=self._create,
        )

    @staticmethod
    def _create(request: CreateTimeSeriesRequest, context: grpc.ServicerContext) -> Empty:
        identities = [
            (series.metric.type, *sorted(series.metric.labels.items()), *sorted(series.resource.labels.items()))
            for series in request.time_series
        ]
        if len(set(identities)) < len(identities) or any(len(series.points) != 1 for series in request.time_series):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "one point per series")
        if len(identities) > 200:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "at most 200 series")
        return Empty()

    def client(self) -> MetricServiceClient:
        return MetricServiceClient(
            transport=MetricServiceGrpcTransport(channel=self.channel(), credentials=AnonymousCredentials())
        )


@pytest.fixture
def server() -> Iterator[MetricServer]:
    running = MetricServer()
    yield running
    running.stop()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def recorded() -> RecordingSink:
    return RecordingSink()


def cloud_writer(server: MetricServer, clock: HandClock, timeout_seconds: float = 3.0) -> CloudMonitoringWriter:
    return CloudMonitoringWriter(
        server.client,
        "demo-project",
        location="us-west2",
        namespace="production",
        job="phase5b-grading",
        clock=clock,
        timeout_seconds=timeout_seconds,
    )


@pytest.fixture
def sink(server: MetricServer, clock: HandClock, recorded: RecordingSink) -> LockMetricsSink:
    return LockMetricsSink(cloud_writer(server, clock), EventLog([recorded]), clock)


def tell(sink: LockMetricsSink, name: str, **fields: Any) -> None:
    EventLog([sink]).emit(name, "told", **fields)


def written(server: MetricServer) -> dict[tuple[str, str], int]:
    """The last request's values by metric and lock type."""
    return {
        (series.metric.type, series.metric.labels["lock_type"]): series.points[0].value.int64_value
        for series in server.requests[-1].time_series
    }


def test_an_invocation_is_written_in_one_call(sink: LockMetricsSink, server: MetricServer) -> None:
    """Many events of two lock types become one point per metric and type: the longest wait, and counts."""
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=3, contended=False)
    tell(sink, "lock_acquired", lock_type="publish", holder_id="b", wait_ms=12.4, contended=True)
    tell(sink, "lock_waited", lock_type="grading", holder_id="c", wait_ms=61_000)
    tell(sink, "lock_acquired", lock_type="grading", holder_id="c", wait_ms=61_000, contended=True)
    tell(sink, "lock_failed", lock_type="grading", holder_id="d", wait_ms=170_000, reason="timeout")
    tell(sink, "lock_failed", lock_type="grading", holder_id="e", wait_ms=10_000, reason="unavailable")
    tell(sink, "lock_released", lock_type="grading", holder_id="c", held_ms=50)
    sink.flush()
    assert len(server.requests) == 1
    assert server.requests[0].name == "projects/demo-project"
    assert written(server) == {
        (LOCK_WAIT_TIME, "grading"): 170_000,
        (LOCK_TIMEOUT, "grading"): 1,
        (LOCK_CONTENTION, "grading"): 2,
        (LOCK_WAIT_TIME, "publish"): 12,
        (LOCK_TIMEOUT, "publish"): 0,
        (LOCK_CONTENTION, "publish"): 1,
    }


def test_the_metrics_have_their_documented_names(sink: LockMetricsSink, server: MetricServer) -> None:
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=3)
    sink.flush()
    series = server.requests[0].time_series[0]
    assert {one.metric.type for one in server.requests[0].time_series} == {
        "custom.googleapis.com/grading/lock_wait_time",
        "custom.googleapis.com/grading/lock_timeout",
        "custom.googleapis.com/grading/lock_contention",
    }
    assert series.resource.type == "generic_task"
    assert set(series.resource.labels) == {"project_id", "location", "namespace", "job", "task_id"}
    assert series.points[0].interval.end_time.timestamp() == 1000.0


def test_two_instances_write_series_of_their_own(server: MetricServer, clock: HandClock) -> None:
    point = [Point(LOCK_TIMEOUT, "grading", 0)]
    for writer in (cloud_writer(server, clock), cloud_writer(server, clock)):
        writer.write(point)
    tasks = {request.time_series[0].resource.labels["task_id"] for request in server.requests}
    assert len(tasks) == 2


def test_nothing_happened_writes_nothing(sink: LockMetricsSink, server: MetricServer) -> None:
    tell(sink, "write_published", lock_type="grading")
    sink.flush()
    assert server.requests == []


def test_a_flush_within_five_seconds_keeps_its_values_for_the_next(
    sink: LockMetricsSink, server: MetricServer, clock: HandClock
) -> None:
    """Cloud Monitoring refuses a second point within five seconds: it must not be lost."""
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=1)
    sink.flush()
    clock.at += 4.9
    tell(sink, "lock_failed", lock_type="grading", holder_id="b", wait_ms=2, reason="timeout")
    sink.flush()
    assert len(server.requests) == 1
    clock.at += 0.1
    sink.flush()
    assert written(server)[LOCK_TIMEOUT, "grading"] == 1


def test_a_slow_write_moves_the_next_one(clock: HandClock, recorded: RecordingSink) -> None:
    """The points are stamped somewhere within the write: the five seconds count from its end."""

    class Slow:
        writes = 0

        def write(self, points: Sequence[Point]) -> None:
            self.writes += 1
            clock.at += 2

    slow = Slow()
    sink = LockMetricsSink(slow, EventLog([recorded]), clock)
    for pause in (0.0, 4.9, 0.1):
        clock.at += pause
        tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=1)
        sink.flush()
    assert slow.writes == 2


@pytest.mark.parametrize("status", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE])
def test_a_refusal_is_logged_and_harms_nothing(
    sink: LockMetricsSink, server: MetricServer, recorded: RecordingSink, status: grpc.StatusCode
) -> None:
    """One attempt; the values that were not written are in the log."""
    server.status = status
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=7)
    sink.flush()
    assert len(server.requests) == 1
    (event,) = recorded.events
    assert (event.name, event.severity) == ("metrics_failed", "WARNING")
    assert event.fields["points"] == {"grading": {"lock_wait_time": 7, "lock_timeout": 0, "lock_contention": 0}}


@pytest.mark.timeout(15)
def test_a_hanging_monitoring_is_given_up_on(server: MetricServer, clock: HandClock, recorded: RecordingSink) -> None:
    server.hangs = True
    sink = LockMetricsSink(cloud_writer(server, clock, timeout_seconds=0.2), EventLog([recorded]), clock)
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=7)
    sink.flush()
    assert recorded.events[0].fields["error"] == "DeadlineExceeded"


def test_locally_the_log_is_the_sink(clock: HandClock, recorded: RecordingSink) -> None:
    log = EventLog([recorded])
    sink = LockMetricsSink(LogMetricWriter(log), log, clock)
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=7)
    sink.flush()
    assert recorded.events[0].name == "lock_metrics"
    assert recorded.events[0].fields["points"]["grading"]["lock_wait_time"] == 7


@pytest.mark.parametrize("wait", [None, "soon", float("nan"), float("inf"), -5])
def test_a_senseless_wait_counts_as_none(clock: HandClock, recorded: RecordingSink, wait: object) -> None:
    class Kept:
        points: Sequence[Point] = ()

        def write(self, points: Sequence[Point]) -> None:
            self.points = points

    kept = Kept()
    sink = LockMetricsSink(kept, EventLog([recorded]), clock)
    tell(sink, "lock_acquired", lock_type="grading", holder_id="a", wait_ms=wait)
    sink.flush()
    assert kept.points[0] == Point(LOCK_WAIT_TIME, "grading", 0)
