"""`docs/adopt.md`, typed command by command against a running system's tables."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from alerts.alert import Notifier
from grading.cli import commands
from grading.settings import Settings
from grading.wiring import Application
from localdev.settings import as_environment
from tests.integration import existing
from tests.integration.conftest import RecordingNotifier, rows_of
from tests.integration.damaged import NOON, at_terminal

_PAGE = Path(__file__).parents[2] / "docs" / "adopt.md"
_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OLD, _NEW = date(2026, 1, 18), date(2026, 1, 19)
# The dry run finds the summary's partition, and the old system's duplicates make the comparison differ; a check may
# fail on what the old system left.
_MAY_FAIL = ("init --dry-run", "compare", "check")


@pytest.fixture
def environment(bigquery_client: bigquery.Client, settings: Settings) -> dict[str, str]:
    """A running system with one date that it has graded, and one that it has not."""
    tables = existing.described()
    existing.create(bigquery_client, settings, tables)
    existing.fill_inputs(bigquery_client, settings, [_OLD, _NEW], players=3)
    existing.fill_old_grades(bigquery_client, settings, [_OLD], players=3, copies=2)
    return as_environment(settings)


def test_the_page_leads_from_one_system_to_the_other(
    environment: dict[str, str], bigquery_client: bigquery.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command works; what the page promises of the data holds."""
    said: dict[str, str] = {}
    # What the dry run of the page's first step tells to do about the summary.
    chosen = {"PREDICTION_PERFORMANCE_SUMMARY_TABLE": "prediction_performance_summary_graded"}
    dataset = settings.target("x").dataset
    for line in (
        "".join(_BLOCK.findall(_PAGE.read_text(encoding="utf-8")))
        .replace("nba_predictions.", f"{dataset}.")
        .splitlines()
    ):
        word, _, rest = line.partition(" ")
        if word == "export":
            name, _, value = rest.partition("=")
            chosen[name] = value
        elif word == "unset":
            chosen.pop(rest)
        else:
            command = line.removeprefix("python -m grading ")
            given = {} if command == "init --dry-run" else chosen
            said[command] = _type(command, environment | given, monkeypatch)

    assert "PREDICTION_PERFORMANCE_SUMMARY_TABLE=" in said["init --dry-run"]
    assert "RENAME TO" in said["init --dry-run"]
    compared = next(text for command, text in said.items() if command.startswith("compare"))
    assert "6 keys: differs" in compared
    assert "backup of" in said["init --writers-stopped"]
    path = settings.target("prediction_accuracy")
    graded = f"SELECT COUNT(*) AS n FROM `{path}` WHERE run_id IS NOT NULL AND game_date = DATE '{{}}'"
    assert rows_of(bigquery_client, graded.format(_NEW)) == [{"n": 6}]
    assert rows_of(bigquery_client, graded.format(_OLD)) == [{"n": 0}]


def _type(command: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command says, with these variables set."""
    notifier: Notifier = RecordingNotifier()
    application = Application(Settings.from_environment(environment), clock=NOON, sinks=(), notifier=notifier)
    at_terminal(monkeypatch, "", application)
    done = CliRunner().invoke(commands, command.split())
    application.bigquery_client.close()
    allowed = any(command.startswith(start) for start in _MAY_FAIL)
    assert done.exit_code == 0 or (allowed and isinstance(done.exception, SystemExit)), f"{command}\n{done.output}"
    return done.output
