"""A running system's tables: looked at, fitted, graded, repaired; nothing of theirs is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.cli import commands
from grading.outcome import Outcome
from grading.processors import GRADING
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from tests.integration import existing
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.damaged import NOON, TODAY, at_terminal

DAYS = tuple(TODAY - timedelta(days=back) for back in (3, 2, 1))


@pytest.fixture
def adopting(bigquery_client: bigquery.Client, settings: Settings) -> Settings:
    """Settings on the tables of a running system that has graded two of three dates."""
    existing.create(bigquery_client, settings, existing.described())
    existing.fill_inputs(bigquery_client, settings, DAYS)
    existing.fill_old_grades(bigquery_client, settings, DAYS[:2], copies=2)
    return replace(settings, prediction_performance_summary_table="prediction_performance_summary_graded")


class Terminal:
    """Types commands in this process."""

    def __init__(self, application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
        self.application = application
        at_terminal(monkeypatch, "", application)

    def type(self, line: str) -> Result:
        return CliRunner().invoke(commands, line.split(), catch_exceptions=True)

    def do(self, line: str) -> str:
        """A command that succeeds, and what it says."""
        done = self.type(line)
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
        return done.output


@pytest.fixture
def terminal(
    adopting: Settings, sink: RecordingSink, notifier: RecordingNotifier, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    yield from _terminal(adopting, sink, notifier, monkeypatch)


def _terminal(
    settings: Settings, sink: RecordingSink, notifier: RecordingNotifier, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    application = Application(settings, clock=NOON, sinks=(sink,), notifier=notifier)
    yield Terminal(application, monkeypatch)
    application.bigquery_client.close()


def rows(terminal: Terminal, columns: str, day: date) -> list[dict[str, Any]]:
    target = terminal.application.settings.target(GRADING.name)
    sql = f"SELECT {columns} FROM `{target}` WHERE game_date = DATE '{day}' ORDER BY player_lookup, system_id"
    return rows_of(terminal.application.bigquery_client, sql)


def grade(terminal: Terminal, day: date) -> Outcome:
    service = terminal.application.service
    return service.run(GRADING, Request(date=day), Deadline.after(60, terminal.application.clock))


def test_a_running_system_is_taken_over(terminal: Terminal) -> None:
    """Every command works on its tables, and a second `init` changes nothing."""
    said = terminal.do("init --dry-run")
    assert "Dry run: nothing was changed." in said
    assert "add column" in said
    refused = terminal.type("init")
    assert refused.exit_code == 1
    assert "its columns are added only when no other program writes it" in refused.output
    said = terminal.do("init --writers-stopped")
    assert "backup of" in said
    assert "\nReady\n" in said
    again = terminal.do("init")
    assert "added to" not in again
    assert "created:" not in again

    terminal.do("dedupe --table prediction_accuracy")
    repaired = terminal.do("dedupe --table prediction_accuracy --execute")
    terminal.do(next(line.split("grading ")[1] for line in repaired.splitlines() if "grading undo " in line))
    assert len(rows(terminal, "player_lookup", DAYS[0])) == 24
    terminal.do("dedupe --table prediction_accuracy --execute")

    terminal.do(f"grade --date {DAYS[0]}")
    kept = rows(
        terminal, "data_quality_tier, feature_count, build_commit_sha, TO_JSON_STRING(critical_features) AS c", DAYS[0]
    )
    assert len(kept) == 12
    assert {row["data_quality_tier"] for row in kept} == {"gold"}
    assert {row["feature_count"] for row in kept} == {33}
    assert {row["build_commit_sha"] for row in kept} == {"abc123"}
    assert {row["c"] for row in kept} == {'{"vegas":true}'}
    terminal.do(f"backfill --start {DAYS[0]} --end {DAYS[-1]}")
    for _ in range(3):
        said = terminal.do("catch-up")
    assert "Nothing to do" in said
    terminal.do("status")
    terminal.do(f"ungraded --start {DAYS[0]} --end {DAYS[-1]}")
    terminal.do("dedupe --table player_prop_predictions --execute")
    checked = terminal.type("check")
    assert checked.exit_code in (0, 1, 2), checked.output
    assert not isinstance(checked.exception, Exception) or isinstance(checked.exception, SystemExit)
    assert "archetypes" in checked.output
