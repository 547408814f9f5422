"""The report from the warehouse: a year of three processors, nothing at all, a date with 200 runs."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from google.cloud import bigquery

from foundation.clock import Deadline
from grading.processors import PROCESSORS
from grading.report.data import MOST_RUNS_OF_A_DATE, ReportData, read_report
from grading.report.page import render
from grading.run import Request
from grading.wiring import Application
from tests.integration.conftest import DAY
from tests.integration.service_process import start
from tests.integration.slate import load_day


def read(application: Application, days: int) -> tuple[ReportData, str]:
    began = time.perf_counter()
    data = read_report(application.settings, application.jobs("report", 120), DAY, days)
    page = render(data)
    seconds, size = time.perf_counter() - began, len(page.encode()) / 1024
    print(f"{days} days, {len(data.cells)} cells, {len(data.runs)} runs: {size:.0f} KiB in {seconds:.1f} s")
    assert size < 400
    return data, page


def test_nothing_a_year_and_a_crowd(application: Application, bigquery_client: bigquery.Client) -> None:
    """Empty first; then 365 dates of three processors, one of them with 200 runs that waited for another."""
    _, page = read(application, 60)
    assert "No run is recorded in this range." in page

    runs = application.settings.target("grading_runs")
    insert = (
        f"INSERT INTO `{runs}` (run_id, processor, game_date, trigger_source, lock_wait_ms, locked, rows_inserted, "
        "started_at, committed_at, status, waited_for, staging_token, staged_ms, measured_ms) "
    )
    for sql in (
        f"{insert} SELECT CONCAT('{processor.name}', CAST(day AS STRING)), '{processor.name}', day, 'schedule', 3, "
        "TRUE, 100, TIMESTAMP(day), TIMESTAMP(day), 'success', NULL, NULL, NULL, NULL "
        f"FROM UNNEST(GENERATE_DATE_ARRAY(DATE '{DAY - timedelta(days=364)}', DATE '{DAY}')) AS day"
        for processor in PROCESSORS
    ):
        bigquery_client.query(sql, timeout=60).result(timeout=60)
    crowd = (
        f"{insert} SELECT CONCAT('run', CAST(n AS STRING)), 'prediction_accuracy', DATE '{DAY}', 'backfill', n, TRUE, "
        f"100, TIMESTAMP_ADD(TIMESTAMP '{DAY} 06:00:00+00:00', INTERVAL n SECOND), "
        f"TIMESTAMP_ADD(TIMESTAMP '{DAY} 06:00:00+00:00', INTERVAL n + 2 SECOND), 'success', 'x (schedule)', "
        f"UNIX_MILLIS(TIMESTAMP '{DAY} 06:00:00+00:00') + n * 1000, 500, 900 "
        "FROM UNNEST(GENERATE_ARRAY(1, 199)) AS n"
    )
    bigquery_client.query(crowd, timeout=60).result(timeout=60)
    data, page = read(application, 365)
    assert len(data.cells) == 365 * len(PROCESSORS)
    assert data.detailed == [DAY]
    assert len([run for run in data.runs if run.processor == "prediction_accuracy"]) == MOST_RUNS_OF_A_DATE
    assert f"{DAY} prediction_accuracy has 200 runs; the last {MOST_RUNS_OF_A_DATE} are shown." in page


def test_as_a_person_types_it(application: Application, bigquery_client: bigquery.Client, tmp_path: Path) -> None:
    """Graded dates show their systems; the file is where it was asked for; a wrong directory is wrong usage."""
    load_day(bigquery_client, application.settings, DAY, players=12)
    application.service.grade(Request(date=DAY), PROCESSORS, Deadline.after(300, application.clock))
    out = tmp_path / "page.html"
    command = ("report", "--last", "30", "--until", f"{DAY}", "--out")
    process = start(application.settings, *command, str(out))
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said
    assert f"{out}: " in said
    page = out.read_text()
    assert "ensemble_v1" in page
    assert f'<a href="#r{DAY:%Y%m%d}" title="{DAY}: graded">G</a>' in page
    read(application, 365)

    process = start(application.settings, *command, str(tmp_path / "absent" / "page.html"))
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 2
    assert "absent does not exist" in said
