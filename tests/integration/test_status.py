"""`status` and `recompute` as a person types them."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.processors import GRADING, PERFORMANCE_SUMMARY, PROCESSORS, SYSTEM_DAILY_PERFORMANCE
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from tests.integration.conftest import DAY, RecordingSink, rows_of
from tests.integration.service_process import start
from tests.integration.slate import load_day

NEXT = DAY + timedelta(days=1)


def _said(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said
    return said


@pytest.fixture
def graded(application: Application, bigquery_client: bigquery.Client) -> Settings:
    """Two dates that are complete, and a third on which nothing could be graded."""
    for day in (DAY, NEXT):
        load_day(bigquery_client, application.settings, day, players=4)
        request = Request(date=day, trigger_source="schedule", event_id="event-7")
        application.service.grade(request, PROCESSORS, Deadline.after(90, application.clock))
    application.service.run(GRADING, Request(date=NEXT + timedelta(days=1)), Deadline.after(90, application.clock))
    return application.settings


def test_status_tells_who_wrote_what_when_and_how_it_ended(graded: Settings) -> None:
    """Of a date; of the last runs; and of what published nothing, why."""
    said = _said(start(graded, "status", "--date", f"{DAY}", "--wide"))
    assert said.startswith(f"{DAY} is fine\n")
    assert all(said.count(processor.name) == 2 for processor in PROCESSORS)
    assert len(re.findall("schedule +event-7", said)) == 3
    assert len(re.findall(f"^{DAY}  ", said, re.MULTILINE)) == 3
    assert str(NEXT) not in said
    said = _said(start(graded, "status", "--last", "1", "--wide"))
    assert "no_predictions" in said
    assert said.count(" ms ") == 1
    said = _said(start(graded, "status", "--date", f"{NEXT + timedelta(days=1)}"))
    assert said.startswith(f"{NEXT + timedelta(days=1)}: NOT fine: prediction_accuracy: there was nothing to grade\n")
    assert f"\n  python -m grading ungraded --start {NEXT + timedelta(days=1)} --end " in said
    assert "No run of 2001-01-01 is recorded." in _said(start(graded, "status", "--date", "2001-01-01"))


def test_recompute_runs_the_aggregates_of_changed_grades_alone(
    graded: Settings, application: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """Nothing at first; after a clean-up of a date its aggregates, and the summary after it; with --all everything."""
    recompute = ("recompute", "--start", f"{DAY}", "--end", f"{NEXT}")
    assert "Nothing to do" in _said(start(graded, *recompute))
    application.service.run(GRADING, Request(date=DAY), Deadline.after(90, application.clock))

    _said(start(graded, *recompute))

    runs = graded.target("grading_runs")
    sql = f"SELECT processor, game_date FROM `{runs}` WHERE trigger_source = 'recompute'"
    found = {(row["processor"], row["game_date"]) for row in rows_of(bigquery_client, sql)}
    assert found == {
        (SYSTEM_DAILY_PERFORMANCE.name, DAY),
        (PERFORMANCE_SUMMARY.name, DAY),
        (PERFORMANCE_SUMMARY.name, NEXT),
    }
    assert "Nothing to do" in _said(start(graded, *recompute))
    said = _said(start(graded, *recompute, "--all", "--processor", SYSTEM_DAILY_PERFORMANCE.name))
    assert said.count(f"{SYSTEM_DAILY_PERFORMANCE.name} ") >= 2
