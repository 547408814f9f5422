"""Automatic remediation: a few duplicates are repaired at once, many are left alone, and both are reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import GradingError
from grading.api import auto_remediate_duplicates
from grading.outcome import Outcome, Status
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import Application
from grading.writing.schema import create_tables
from tests.integration.conftest import DAY, RecordingNotifier, RecordingSink, rows_of
from tests.integration.slate import load_day
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult


class CopiesAfterPublish(Warehouse):
    """A writer that knows no fence adds copies of some rows right after the first publish, before it is validated."""

    copies = 0

    def run(self, sql: Any, *, job_id: str, deadline: Deadline) -> JobResult:
        result = super().run(sql, job_id=job_id, deadline=deadline)
        if "-publish-" in job_id and self.copies:
            copies, self.copies = self.copies, 0
            add_copies(self._client, self.target, copies)
        return result

    target: str


def add_copies(client: bigquery.Client, target: str, count: int) -> None:
    """Copies of the first rows, graded a minute later, as a second run would have left them."""
    client.query_and_wait(
        f"INSERT INTO `{target}` SELECT * REPLACE (TIMESTAMP_ADD(graded_at, INTERVAL 60 SECOND) AS graded_at) "
        f"FROM `{target}` WHERE game_date = '{DAY}' ORDER BY player_lookup LIMIT {count}",
        api_timeout=60,
    )


def graded(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink, players: int, **chosen: Any
) -> Application:
    """An application with these settings, and one date graded."""
    settings = replace(application.settings, **chosen)
    changed = Application(settings, sinks=(sink,), notifier=notifier)
    create_tables(settings, changed.jobs("init", 60))
    load_day(application.bigquery_client, settings, DAY, players)
    assert grade(changed).status is Status.SUCCESS
    warehouse = CopiesAfterPublish(changed.bigquery_client)
    warehouse.target = str(settings.target(GRADING.name))
    for part in ("service", "writer", "remediation", "warehouse"):
        changed.__dict__.pop(part, None)
    changed.__dict__["warehouse"] = warehouse
    return changed


def grade(application: Application) -> Outcome:
    return application.service.run(GRADING, Request(date=DAY), Deadline.after(120, application.clock))


def table(application: Application) -> list[dict[str, Any]]:
    target = application.settings.target(GRADING.name)
    return rows_of(
        application.bigquery_client,
        f"SELECT * FROM `{target}` WHERE game_date = DATE '{DAY}' ORDER BY player_lookup, graded_at",
    )


def of(application: Application, name: str) -> list[dict[str, Any]]:
    return rows_of(application.bigquery_client, f"SELECT * FROM `{application.settings.target(name)}`")


def test_214_duplicates_are_repaired_and_the_rows_equal_the_clean_table(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    """By call: earliest rows kept, one alert, the audit resolved, and a run of its own in grading_runs."""
    ready = graded(application, notifier, sink, 300)
    clean = table(ready)
    add_copies(ready.bigquery_client, ready.warehouse.target, 214)  # type: ignore[attr-defined]
    assert len(table(ready)) == 514
    report = auto_remediate_duplicates(DAY, application=ready)
    assert report.clean
    assert table(ready) == clean
    [alert] = notifier.alerts
    assert (alert.check, alert.severity, alert.count) == ("remediation", "INFO", 214)
    assert "were repaired" in alert.title
    audit = of(ready, "grading_duplicate_audit")
    assert len(audit) == 20
    assert {row["duplicate_count"] for row in audit} == {214}
    assert all(row["resolved_at"] and "auto_remediation" in row["resolution_notes"] for row in audit)
    [repair] = [run for run in of(ready, "grading_runs") if run["status"] == "repaired"]
    assert (repair["trigger_source"], repair["rows_deleted"], repair["rows_inserted"]) == (
        "auto_remediation",
        514,
        300,
    )


def test_5000_duplicates_are_not_touched_and_alerted(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    ready = graded(application, notifier, sink, 5000)
    add_copies(ready.bigquery_client, ready.warehouse.target, 5000)  # type: ignore[attr-defined]
    before = table(ready)
    assert len(before) == 10_000
    report = auto_remediate_duplicates(DAY, application=ready)
    assert report.excess_rows == 5000
    assert table(ready) == before
    [alert] = notifier.alerts
    assert (alert.check, alert.severity, alert.count) == ("remediation", "CRITICAL", 5000)
    assert "were not repaired" in alert.title
    assert alert.next_command == f"python -m grading dedupe --table {GRADING.name} --start {DAY} --end {DAY} --execute"
    assert [run["status"] for run in of(ready, "grading_runs")] == ["success"]


@pytest.mark.parametrize("on", [True, False])
def test_what_validation_finds_is_repaired_where_the_setting_is_on(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink, on: bool
) -> None:
    """Copies that appear between a run's publish and its check: with the setting off they are only reported."""
    ready = graded(application, notifier, sink, 30, auto_remediate=on)
    ready.warehouse.copies = 7  # type: ignore[attr-defined]
    outcome = grade(ready)
    assert outcome.status is Status.SUCCESS
    assert outcome.duplicates is not None
    assert outcome.duplicates.clean is on
    assert len(table(ready)) == (30 if on else 37)
    assert notifier.checks() == (["remediation"] if on else ["duplicates"])
    assert {row["run_id"] for row in table(ready)} == {outcome.run_id}


def test_above_the_threshold_a_run_ends_well_and_tells_of_both(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    """The threshold is a setting; when the next run is clean, both are resolved, once."""
    ready = graded(application, notifier, sink, 30, auto_remediate=True, auto_remediate_max_count=5)
    ready.warehouse.copies = 6  # type: ignore[attr-defined]
    assert grade(ready).status is Status.SUCCESS
    assert len(table(ready)) == 36
    assert notifier.checks() == ["remediation", "duplicates"]
    for _ in range(2):
        assert grade(ready).duplicates.clean  # type: ignore[union-attr]
    assert [alert.severity for alert in notifier.alerts[2:]] == ["INFO", "INFO"]
    assert sorted(notifier.checks()[2:]) == ["duplicates", "remediation"]


def test_a_repair_that_fails_changes_nothing_and_is_told(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = graded(application, notifier, sink, 30)
    add_copies(ready.bigquery_client, ready.warehouse.target, 3)  # type: ignore[attr-defined]
    before = table(ready)

    def broken(*_: object, **__: object) -> None:
        raise GradingError("no answer")

    monkeypatch.setattr(type(ready.writer.publisher), "publish", broken)
    report = auto_remediate_duplicates(DAY, application=ready)
    assert report.duplicate_keys == 3
    assert table(ready) == before
    [alert] = notifier.alerts
    assert alert.severity == "CRITICAL"
    assert ("Why", "no answer") in alert.facts


def test_a_grading_run_that_lands_during_a_repair_is_not_undone(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    """The repair has read its rows when another run publishes: it stages again, and keeps that run's rows."""
    ready = graded(application, notifier, sink, 30)
    add_copies(ready.bigquery_client, ready.warehouse.target, 3)  # type: ignore[attr-defined]
    landed: list[Outcome] = []
    publisher = type(ready.writer.publisher)
    publish = publisher.publish

    def overtaken(self: Any, batch: Any, *arguments: Any) -> Any:
        if batch.lead.request.trigger_source == "auto_remediation" and not landed:
            landed.append(
                ready.service.run(GRADING, Request(date=DAY), Deadline.after(60, ready.clock), use_lock=False)
            )
        return publish(self, batch, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher, "publish", overtaken)
        report = auto_remediate_duplicates(DAY, application=ready)
    assert report.clean
    assert landed[0].status is Status.SUCCESS
    assert {row["run_id"] for row in table(ready)} == {landed[0].run_id}
    assert len(sink.named("publish_refused")) == 1
