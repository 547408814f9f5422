"""What a command over many dates says of those that it left, and what to type for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from grading.cli import commands
from grading.processors import SYSTEM_DAILY_PERFORMANCE
from grading.wiring import Application
from tests.integration.damaged import at_terminal, execute
from tests.integration.slate import load_day

DAYS = [date(2024, 2, 28) + timedelta(days=number) for number in range(3)]
SHRINKS = DAYS[1]
RANGE = ("--start", f"{DAYS[0]}", "--end", f"{DAYS[-1]}")
PLAYERS = 4

Cli = Callable[..., str]


@pytest.fixture
def cli(application: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The commands on the test's application, with dates that were graded; returns what they print."""
    at_terminal(monkeypatch, "backfill", application)
    for day in DAYS:
        load_day(bigquery_client, application.settings, day, PLAYERS)

    def invoke(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(commands, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    invoke("backfill", *RANGE)
    return invoke


@pytest.fixture
def shrinking(cli: Cli, application: Application, bigquery_client: bigquery.Client) -> Cli:
    """The same, and one of the dates has lost most of its predictions since."""
    source = application.settings.input_table("predictions_table")
    where = f"game_date = DATE '{SHRINKS}' AND player_lookup != 'player0000'"
    execute(bigquery_client, f"DELETE FROM `{source}` WHERE {where}")
    return cli


def test_a_backfill_says_of_a_date_that_would_shrink_why_and_what_to_type(shrinking: Cli) -> None:
    said = shrinking("backfill", *RANGE, code=1)
    resume = f"  python -m grading backfill {' '.join(RANGE)} --concurrency 4 --resume\n"
    assert said.count(resume) == 2  # before it begins, and at the end
    assert said.rindex("To try what was not published again:\n") < said.rindex(resume)
    assert "--allow-shrink is for dates that really have fewer." in said
    (failed,) = json.loads(shrinking("backfill", *RANGE, "--format", "json", code=1))["failed"]
    assert failed == {
        "date": f"{SHRINKS}",
        "processor": "prediction_accuracy",
        "status": "shrunk",
        "detail": f"1 key would replace {PLAYERS} keys",
    }


def test_a_backfill_that_was_finished_stays_so_whatever_another_one_fails_at(shrinking: Cli) -> None:
    """Its own command would find nothing left."""
    shrinking("backfill", "--start", f"{SHRINKS}", "--end", f"{DAYS[-1]}", code=1)
    listed = json.loads(shrinking("backfill", "--unfinished", "--format", "json"))["unfinished"]
    assert [(found["start"], found["end"]) for found in listed] == [(f"{SHRINKS}", f"{DAYS[-1]}")]


def test_a_narrower_backfill_of_the_same_dates_does_not_hide_what_a_wider_one_left(shrinking: Cli) -> None:
    """It knows nothing of the grading that the wider one has done."""
    shrinking("backfill", *RANGE, code=1)
    shrinking("backfill", *RANGE, "--processor", SYSTEM_DAILY_PERFORMANCE.name)
    said = shrinking("backfill", *RANGE, "--resume", "--dry-run")
    # The date's grading and its aggregates, and the summary of the date after it.
    assert "5 runs were finished before; 4 are left." in said


def test_a_recompute_that_fails_names_the_command_that_computes_the_same(
    cli: Cli, application: Application, bigquery_client: bigquery.Client
) -> None:
    """With --all, what is up to date is computed anew: without it, the command would have nothing to do."""
    fence = application.settings.target(f"{SYSTEM_DAILY_PERFORMANCE.name}_fence")
    execute(bigquery_client, f"DELETE FROM `{fence}` WHERE TRUE")
    typed = ("recompute", *RANGE, "--processor", SYSTEM_DAILY_PERFORMANCE.name, "--all")
    said = cli(*typed, code=1)
    assert f"To go on:\n  python -m grading {' '.join(typed)}\n" in said


def test_a_catch_up_that_leaves_something_names_what_goes_on(
    application: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch, "catch-up", application)
    today = application.settings.local_date(application.clock.now())
    load_day(bigquery_client, application.settings, today - timedelta(days=2), PLAYERS)
    fence = application.settings.target(f"{SYSTEM_DAILY_PERFORMANCE.name}_fence")
    execute(bigquery_client, f"DELETE FROM `{fence}` WHERE TRUE")
    result = CliRunner().invoke(commands, ["catch-up", "--days", "3"])
    assert result.exit_code == 1, result.output
    assert "To go on with what is left:\n  python -m grading catch-up --days 3\n" in result.output
