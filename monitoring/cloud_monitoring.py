"""Writes metric points to Cloud Monitoring.

Each process writes series of its own, as the `generic_task` resource with a unique `task_id`: two instances
that wrote one series at once would have each other's points refused
(https://github.com/census-instrumentation/opencensus-service/issues/519).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from foundation.clock import Clock
from monitoring.metrics_sink import Point

if TYPE_CHECKING:
    from google.cloud.monitoring_v3 import MetricServiceClient


class CloudMonitoringWriter:
    """A `MetricWriter` that makes one `create_time_series` call, without retries.

    Args:
        connect: builds the client at first use.
        project: the project's id.
        location: the function's region.
        namespace: the environment (`production`).
        job: the function's name.
        clock: stamps the points.
        timeout_seconds: the longest wait for an answer.
    """

    def __init__(
        self,
        connect: Callable[[], MetricServiceClient],
        project: str,
        *,
        location: str,
        namespace: str,
        job: str,
        clock: Clock,
        timeout_seconds: float = 3.0,
    ) -> None:
        self._connect = connect
        self._project = project
        self._resource = {
            "project_id": project,
            "location": location,
            "namespace": namespace,
            "job": job,
            "task_id": uuid.uuid4().hex,
        }
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._client: MetricServiceClient | None = None

    def write(self, points: Sequence[Point]) -> None:
        """Write all points, stamped with the same moment."""
        # At first use, so that a cold start does not load it.
        from google.cloud import monitoring_v3

        if self._client is None:
            self._client = self._connect()
        now = self._clock.now()
        series = [
            monitoring_v3.TimeSeries(
                {
                    "metric": {"type": point.metric, "labels": {"lock_type": point.lock_type}},
                    "resource": {"type": "generic_task", "labels": self._resource},
                    "points": [{"interval": {"end_time": now}, "value": {"int64_value": point.value}}],
                }
            )
            for point in points
        ]
        self._client.create_time_series(
            name=f"projects/{self._project}", time_series=series, retry=None, timeout=self._timeout_seconds
        )
