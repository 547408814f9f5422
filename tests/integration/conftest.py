"""An application on the emulator, with a slate to grade."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from google.cloud import bigquery

from foundation.clock import Clock, SystemClock
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.slack_sink import SlackSink
from tests.fakes import RecordingNotifier, RecordingSink
from tests.zetasql_check import Judge


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def notifier() -> RecordingNotifier:
    return RecordingNotifier()


@pytest.fixture
def statements() -> list[tuple[str, str]]:
    """Every job that the application sent: (job id, SQL)."""
    return []


@pytest.fixture
def clock() -> Clock:
    """What time it is for the application: a test that needs another day overrides this."""
    return SystemClock()


@pytest.fixture
def application(
    input_tables: Settings,
    clock: Clock,
    sink: RecordingSink,
    notifier: RecordingNotifier,
    statements: list[tuple[str, str]],
    judge: Judge,
) -> Iterator[Application]:
    """The service on the emulator with empty tables and SQLite locks. What it sends is analysed at the end."""
    application = Application(
        input_tables,
        clock=clock,
        sinks=(sink,),
        notifier=notifier,
        observe=lambda job_id, sql: statements.append((job_id, sql)),
    )
    create_tables(application.settings, application.jobs("init", 60))
    statements.clear()
    yield application
    application.bigquery_client.close()
    judge.check_all(statements)


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackSink]:
    """A Slack that keeps what it was sent."""
    with SlackSink() as sink:
        yield sink


DAY = date(2024, 1, 15)


def rows_of(client: bigquery.Client, sql: str) -> list[dict[str, object]]:
    """The rows of a query, as dicts."""
    return [dict(row.items()) for row in client.query_and_wait(sql, api_timeout=30)]
