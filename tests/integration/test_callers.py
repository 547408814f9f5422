"""The calls that other services and notebooks have, written as they write them, on the emulators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import bigquery

from grading import wiring
from grading.outcome import Status
from grading.processors import GRADING
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.firestore import FirestoreEmulator
from localdev.settings import as_environment
from localdev.slack_sink import SlackSink
from tests.integration.conftest import DAY
from tests.integration.damaged import count
from tests.integration.slate import load_day


@pytest.fixture
def configured(
    input_tables: Settings,
    firestore_emulator: FirestoreEmulator,
    slack_sink: SlackSink,
    bigquery_client: bigquery.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """A process whose environment points at the emulators, with ten predictions of a date to grade."""
    environment = as_environment(input_tables) | {
        "LOCK_STORE": "firestore",
        "FIRESTORE_EMULATOR_HOST": firestore_emulator.host,
        "SLACK_WEBHOOK_URL": slack_sink.url,
    }
    environment.pop("LOCK_SQLITE_PATH", None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    wiring.application_from_environment.cache_clear()
    application = Application(input_tables, sinks=())
    create_tables(input_tables, application.jobs("init", 60))
    load_day(bigquery_client, input_tables, DAY, 10)
    yield input_tables
    wiring.application_from_environment.cache_clear()


@pytest.mark.usefixtures("configured")
def test_locks() -> None:
    from locking import ConsolidationLock, DistributedLock

    batch_id = "batch-7"
    lock = DistributedLock(project_id="my-project", lock_type="grading")
    with lock.acquire(game_date="2026-01-17", operation_id="grading") as lease:
        assert lease.held
        assert [held.operation_id for held in lock.list_locks()] == ["grading"]
    with ConsolidationLock(project_id="my-project").acquire(game_date="2026-01-17", operation_id=batch_id):
        pass
    assert lock.check_for_stuck_locks() == []
    assert lock.list_locks() == []


def test_grading(configured: Settings, slack_sink: SlackSink, bigquery_client: bigquery.Client) -> None:
    from grading.api import (
        GradingCircuitBreaker,
        PerformanceSummaryProcessor,
        PredictionAccuracyProcessor,
        SystemDailyPerformanceProcessor,
        auto_remediate_duplicates,
        send_duplicate_alert,
    )

    processor = PredictionAccuracyProcessor()
    assert processor.process_date("2024-01-15").status is Status.SUCCESS
    assert SystemDailyPerformanceProcessor().process_date("2024-01-15").status is Status.SUCCESS
    assert PerformanceSummaryProcessor().process_date("2024-01-15").status is Status.SUCCESS
    emergency = processor.process_date("2024-01-15", use_lock=False)
    assert (emergency.status, emergency.locked) == (Status.SUCCESS, False)

    graded_results = [
        {
            "player_lookup": f"player{number}",
            "game_id": "20240115_BOS_TOR",
            "game_date": "2024-01-15",
            "system_id": "mine",
            "line_value": 20.5,
        }
        for number in range(10)
    ]
    written = processor.write_graded_results(graded_results, "2024-01-15", use_lock=True)
    assert (written.status, written.rows_inserted) == (Status.SUCCESS, 10)
    assert processor.check_for_duplicates("2024-01-15") == 0

    target = configured.target(GRADING.name)
    twice = f"INSERT INTO `{target}` SELECT * FROM `{target}` WHERE game_date = '2024-01-15' LIMIT 3"
    bigquery_client.query(twice).result(timeout=60)
    assert processor.check_for_duplicates("2024-01-15") == 3
    assert auto_remediate_duplicates("2024-01-15", max_count=1000).clean
    assert count(bigquery_client, f"SELECT COUNT(*) FROM `{target}` WHERE game_date = '2024-01-15'") == 10

    bigquery_client.delete_table(str(target), timeout=60)
    assert processor.check_for_duplicates("2024-01-15") == -1

    assert send_duplicate_alert("2024-01-15", 5)
    assert "2024-01-15" in str(slack_sink.posts[-1].message)
    assert GradingCircuitBreaker.__doc__
