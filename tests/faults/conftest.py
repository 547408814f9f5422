"""A graded date, for tests of races and crashes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from foundation.clock import Deadline
from grading.processors import GRADING
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from tests.integration.slate import load_day

DAY = date(2024, 1, 15)
PLAYERS = 50


@pytest.fixture
def graded(input_tables: Settings) -> Iterator[Application]:
    """The service on the emulator, with one date of 50 graded rows."""
    application = Application(input_tables, sinks=())
    create_tables(input_tables, application.jobs("init", 60))
    load_day(application.bigquery_client, input_tables, DAY, PLAYERS)
    application.service.run(GRADING, Request(date=DAY), Deadline.after(60, application.clock))
    yield application
    application.bigquery_client.close()
