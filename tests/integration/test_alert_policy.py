"""Duplicates over many runs, from the write to the message: told once, told when they change, and once when over."""

from __future__ import annotations

from typing import Any

from google.cloud import bigquery

from foundation.clock import Deadline
from grading.outcome import Status
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import Application
from tests.integration.conftest import DAY, RecordingNotifier, RecordingSink
from tests.integration.slate import load_day
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult


class CopiesAfterEachPublish(Warehouse):
    """A writer that knows no fence copies some rows after each publish, before it is validated."""

    copies = 0
    target = ""

    def run(self, sql: Any, *, job_id: str, deadline: Deadline) -> JobResult:
        result = super().run(sql, job_id=job_id, deadline=deadline)
        if "-publish-" in job_id and self.copies:
            self._client.query_and_wait(
                f"INSERT INTO `{self.target}` SELECT * FROM `{self.target}` WHERE game_date = '{DAY}' "
                f"ORDER BY player_lookup LIMIT {self.copies}",
                api_timeout=30,
            )
        return result


def test_the_same_duplicates_are_told_once_over_ten_runs_again_when_the_count_changes_and_resolved_once(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    load_day(bigquery_client, application.settings, DAY, 10)
    warehouse = CopiesAfterEachPublish(application.bigquery_client, observe=application._observe)
    warehouse.target = str(application.settings.target(GRADING.name))
    application.__dict__["warehouse"] = warehouse

    def grade(copies: int) -> None:
        warehouse.copies = copies
        outcome = application.service.run(GRADING, Request(date=DAY), Deadline.after(60, application.clock))
        assert outcome.status is Status.SUCCESS
        assert outcome.duplicates is not None
        assert outcome.duplicates.duplicate_keys == copies

    for _ in range(10):
        grade(3)
    assert [(alert.check, alert.count) for alert in notifier.alerts] == [("duplicates", 3)]
    assert len(sink.named("alert_suppressed")) == 9
    grade(4)
    assert [alert.count for alert in notifier.alerts] == [3, 4]
    grade(0)
    grade(0)
    resolved = notifier.alerts[2:]
    assert [(alert.check, alert.severity) for alert in resolved] == [("duplicates", "INFO")]
