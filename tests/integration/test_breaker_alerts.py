"""The breaker from event to message: two processes open it, wait, probe and close it; each is reported once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from google.cloud import bigquery

from foundation.errors import Transient, WarehouseUnavailable
from grading.settings import Settings
from grading.wiring import Application
from localdev.processes import wait_until
from localdev.slack_sink import SlackSink
from tests.integration.conftest import DAY
from tests.integration.slate import load_day
from tests.integration.test_redelivery import event
from tests.processes import CONTEXT
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult

COOL_DOWN = 3.0


class Broken(Warehouse):
    """BigQuery answers nothing, as long as it is told to."""

    broken = False
    jobs = 0

    def run(self, sql: Any, *, job_id: str, deadline: Any) -> JobResult:
        self.jobs += 1
        if self.broken:
            raise WarehouseUnavailable
        return super().run(sql, job_id=job_id, deadline=deadline)


def instance(settings: Settings, orders: Connection) -> None:
    """One instance of the function: gets `broken`, delivers an event, and says how it ended and what it cost."""
    application = Application(settings, sinks=())
    warehouse = Broken(application.bigquery_client)
    application.__dict__["warehouse"] = warehouse
    while True:
        warehouse.broken, number = orders.recv()
        warehouse.jobs = 0
        event_id = f"event-{number}"
        try:
            application.handler.handle(event(datetime.now(UTC), event_id), event_id=event_id)
            orders.send(("done", warehouse.jobs))
        except Transient as error:
            orders.send(("open" if "circuit breaker" in str(error) else "failed", warehouse.jobs))


def test_two_processes_open_and_close_it_and_each_is_told_once(
    application: Application, bigquery_client: bigquery.Client, slack_sink: SlackSink
) -> None:
    load_day(bigquery_client, application.settings, DAY, 5)
    settings = replace(
        application.settings, slack_webhook_url=slack_sink.url, breaker_cool_down_seconds=COOL_DOWN, environment="test"
    )
    pipes, processes = [], []
    for _ in range(2):
        mine, theirs = CONTEXT.Pipe()
        processes.append(CONTEXT.Process(target=instance, args=(settings, theirs), daemon=True))
        processes[-1].start()
        pipes.append(mine)
    numbers = iter(range(1000))

    def deliver(where: int, *, broken: bool) -> tuple[str, int]:
        pipes[where].send((broken, next(numbers)))
        assert pipes[where].poll(60)
        ending: tuple[str, int] = pipes[where].recv()
        return ending

    def told(text: str) -> int:
        return sum(text in str(message) for message in slack_sink.delivered)

    try:
        assert [deliver(where, broken=True)[0] for where in (0, 1, 0)] == ["failed"] * 3
        # Open, for both: given back at once, without a job.
        assert [deliver(where, broken=True) for where in (1, 0, 1)] == [("open", 0)] * 3
        assert (told("prediction_accuracy opened after 3 failures"), told("prediction_accuracy closed")) == (1, 0)
        # Half-open: one probe goes through, and closes it.
        assert wait_until(lambda: deliver(1, broken=False)[0] == "done", timeout_seconds=30, interval_seconds=0.3)
        assert [deliver(where, broken=False)[0] for where in (0, 1)] == ["done", "done"]
        assert (told("prediction_accuracy opened after 3 failures"), told("prediction_accuracy closed")) == (1, 1)
    finally:
        for process in processes:
            process.kill()
