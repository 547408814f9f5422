"""What the person on call would read if one row were there twice, made by the service's own parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from grading.outcome import Outcome, Status
from grading.outcome_alerts import alerts_of
from grading.processors import GRADING
from grading.run import Request, Run
from grading.wiring import Application
from grading.writing.schema import create_tables
from grading.writing.validate import validate
from localdev.slack_sink import plain_text
from localdev.stack import LocalStack

SCRATCH_DATASET = "demo_duplicate"

_SECONDS = 60.0


def alert_of_a_duplicate(stack: LocalStack, day: date) -> str:
    """Copy the date's rows to a scratch table, one of them twice, and return the alert as Slack got it."""
    settings = replace(
        stack.settings,
        target_dataset=SCRATCH_DATASET,
        lock_store="sqlite",
        lock_sqlite_path=str(stack.directory / "scratch.sqlite3"),
    )
    application = Application(settings, sinks=())
    jobs = application.jobs("demo", _SECONDS)
    request = Request(date=day, trigger_source="demo")
    run = Run.start(GRADING, request, settings, application.warehouse, jobs.deadline)
    source = stack.settings.target(GRADING.name)
    keys = ", ".join(GRADING.business_key)
    with application.bigquery_client as client:
        create_tables(settings, jobs)
        for statement in (
            f"INSERT INTO `{run.target}` SELECT * FROM `{source}` WHERE game_date = '{day}'",
            f"INSERT INTO `{run.target}` SELECT * FROM `{run.target}` ORDER BY {keys} LIMIT 1",
        ):
            client.query_and_wait(statement, api_timeout=_SECONDS)
        report = validate(run)
        outcome = Outcome(processor=GRADING.name, date=day, status=Status.SUCCESS, run_id=run.run_id, duplicates=report)
        for alert in alerts_of(run, outcome, day):
            application.notifier.send(alert)
    return plain_text(stack.slack.posts[-1].message)
