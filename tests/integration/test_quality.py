"""The daily checks: each passes on clean data, and fails on data that is broken in its way alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.commands import only_looks
from grading.cli import commands
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.damaged import NOON, TODAY, at_terminal, execute, graded_weeks
from tests.zetasql_check import Judge
from validation.checks import CHECKS, worst

RECENT = TODAY - timedelta(days=2)
OLD = TODAY - timedelta(days=20)
ACCURACY, PREDICTIONS, BOX_SCORES, REPORTS = "{accuracy}", "{predictions}", "{box_scores}", "{injury_report}"

BROKEN = {
    "duplicate_grades": [
        f"INSERT INTO `{ACCURACY}` SELECT * FROM `{ACCURACY}` WHERE game_date = '{OLD}' AND player_lookup = 'player1'"
    ],
    "duplicate_source_keys": [
        (
            f"INSERT INTO `{PREDICTIONS}` SELECT * REPLACE (CONCAT(prediction_id, '-again') AS prediction_id,"
            f" TIMESTAMP_ADD(created_at, INTERVAL 1 MINUTE) AS created_at)"
            f" FROM `{PREDICTIONS}` WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"
        )
    ],
    "prediction_volume": [
        (
            f"DELETE FROM `{PREDICTIONS}` WHERE game_date BETWEEN '{TODAY - timedelta(days=7)}' AND '{TODAY}'"
            f" AND MOD(CAST(SUBSTR(player_lookup, 7) AS INT64), 10) > 2"
        )
    ],
    "grading_completeness": [
        f"DELETE FROM `{ACCURACY}` WHERE game_date = '{RECENT}' AND system_id IN ('alpha', 'beta')"
    ],
    "confidence_above_one": [
        f"UPDATE `{ACCURACY}` SET confidence_score = 71 WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"
    ],
    "freshness": [f"DELETE FROM `{BOX_SCORES}` WHERE game_date > '{TODAY - timedelta(days=5)}'"],
    "system_coverage": [
        (
            f"DELETE FROM `{PREDICTIONS}` WHERE game_date BETWEEN '{TODAY - timedelta(days=7)}' AND '{TODAY}'"
            f" AND system_id = 'gamma'"
        )
    ],
    "recent_duplicate_keys": [
        (
            f"INSERT INTO `{ACCURACY}` SELECT * FROM `{ACCURACY}` WHERE game_date = '{RECENT}' AND game_id = 'game'"
            " AND player_lookup = 'player1'"
        )
    ],
    "placeholder_lines_graded": [
        f"UPDATE `{ACCURACY}` SET line_value = 20 WHERE game_date = '{RECENT}' AND player_lookup = 'player1'",
        f"UPDATE `{PREDICTIONS}` SET is_active = FALSE WHERE game_date = '{RECENT}' AND player_lookup = 'player1'",
    ],
    "duplicate_box_scores": [
        (
            f"INSERT INTO `{BOX_SCORES}` SELECT * FROM `{BOX_SCORES}` WHERE game_date = '{RECENT}'"
            f" AND player_lookup = 'player1'"
        )
    ],
    "inactive_share": [
        (
            f"UPDATE `{PREDICTIONS}` SET is_active = FALSE WHERE game_date = '{RECENT}'"
            f" AND MOD(CAST(SUBSTR(player_lookup, 7) AS INT64), 10) > 2"
        ),
    ],
    "game_ids_differ": [
        f"UPDATE `{BOX_SCORES}` SET game_id = '0022500001' WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"
    ],
    "silent_games": [
        (
            f"INSERT INTO `{PREDICTIONS}` SELECT * REPLACE ('silent' AS game_id,"
            f" CONCAT(player_lookup, 'x') AS player_lookup) FROM `{PREDICTIONS}`"
            f" WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"
        )
    ],
    "late_box_scores": [f"DELETE FROM `{ACCURACY}` WHERE game_date = '{OLD}' AND player_lookup = 'player1'"],
    "mixed_rules": [f"UPDATE `{ACCURACY}` SET rules_version = '1' WHERE game_date = '{OLD}'"],
    "model_health": [
        f"UPDATE `{ACCURACY}` SET absolute_error = 9 WHERE game_date = '{RECENT}' AND system_id = 'beta'",
        (
            f"UPDATE `{ACCURACY}` SET absolute_error = 6 WHERE game_date > '{TODAY - timedelta(days=8)}'"
            f" AND system_id = 'beta'"
        ),
    ],
}

WARNED = {"duplicate_box_scores", "game_ids_differ", "silent_games", "late_box_scores", "mixed_rules"}


@pytest.fixture
def weeks(
    input_tables: Settings,
    sink: RecordingSink,
    notifier: RecordingNotifier,
    bigquery_client: bigquery.Client,
    judge: Judge,
) -> Iterator[Application]:
    """An application on a fixed day, five clean weeks behind it. What it sends is analysed at the end."""
    statements: list[tuple[str, str]] = []
    application = Application(
        input_tables,
        clock=NOON,
        sinks=(sink,),
        notifier=notifier,
        observe=lambda job_id, sql: statements.append((job_id, sql)),
    )
    create_tables(application.settings, application.jobs("init", 60))
    graded_weeks(bigquery_client, application.settings)
    yield application
    application.bigquery_client.close()
    judge.check_all(statements)


def _run(client: bigquery.Client, settings: Settings, statements: list[str]) -> None:
    names = {
        "accuracy": settings.target("prediction_accuracy"),
        "predictions": settings.input_table("predictions_table"),
        "box_scores": settings.input_table("box_scores_table"),
        "injury_report": settings.input_table("injury_report_table"),
    }
    for statement in statements:
        execute(client, statement.format(**names))


def _check(application: Application, *, alert: bool = False) -> dict[str, str]:
    results = application.upkeep.quality_check(Deadline.after(60, application.clock), alert=alert)
    assert [result.check for result in results] == list(CHECKS)
    return {result.check.name: result.verdict for result in results}


def test_each_check_is_broken_below() -> None:
    """Numbered in order; a check that is added has its broken data here."""
    assert [check.number for check in CHECKS] == list(range(1, len(CHECKS) + 1))
    assert set(BROKEN) == {check.name for check in CHECKS}


def test_clean_data_passes_every_check_and_alerts_nothing(weeks: Application, notifier: RecordingNotifier) -> None:
    """Revised predictions and lines that are NULL are no fault."""
    assert set(_check(weeks, alert=True).values()) == {"pass"}
    assert notifier.alerts == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_on_data_broken_in_its_way_only(
    weeks: Application,
    bigquery_client: bigquery.Client,
    notifier: RecordingNotifier,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """That check fails, the others pass, and one alert says so with a command that mends it or only looks."""
    at_terminal(monkeypatch, "", weeks)
    _run(bigquery_client, weeks.settings, BROKEN[name])
    verdicts = _check(weeks, alert=True)
    assert {check for check, verdict in verdicts.items() if verdict != "pass"} == {name}
    assert verdicts[name] == ("warn" if name in WARNED else "fail")
    (alert,) = notifier.alerts
    assert alert.check == f"quality_{name}"
    assert alert.severity == ("WARNING" if name in WARNED else "CRITICAL")
    assert alert.next_command is not None
    typed = CliRunner().invoke(commands, shlex.split(alert.next_command)[3:])
    assert typed.exception is None or isinstance(typed.exception, SystemExit), typed.exception
    if only_looks(alert.next_command):
        assert typed.output.strip()
        assert _check(weeks)[name] == verdicts[name], "a command that only looks changes nothing"
    else:
        assert _check(weeks)[name] == "pass", typed.output


OF_PLAYER_1 = f"game_date = '{RECENT}' AND player_lookup = 'player1'"
IN_TEAMS = [  # one player's game is named by its teams, everywhere alike
    f"UPDATE `{table}` SET game_id = '{RECENT:%Y%m%d}_BBB_AAA' WHERE {OF_PLAYER_1}"
    for table in (ACCURACY, PREDICTIONS, BOX_SCORES)
]
FURTHER = {
    "a box score under the teams in the other order": (
        "duplicate_box_scores",
        [
            *IN_TEAMS,
            (
                f"INSERT INTO `{BOX_SCORES}` SELECT * REPLACE ('{RECENT:%Y%m%d}_AAA_BBB' AS game_id)"
                f" FROM `{BOX_SCORES}` WHERE {OF_PLAYER_1}"
            ),
        ],
    ),
    "a confidence below zero": (
        "confidence_above_one",
        [f"UPDATE `{ACCURACY}` SET confidence_score = -0.2 WHERE {OF_PLAYER_1}"],
    ),
    "a placeholder of a grade without a line source": (
        "placeholder_lines_graded",
        [
            f"UPDATE `{ACCURACY}` SET line_value = 20, line_source = NULL WHERE {OF_PLAYER_1}",
            f"UPDATE `{PREDICTIONS}` SET is_active = FALSE WHERE {OF_PLAYER_1}",
        ],
    ),
}
NO_FAULT = {
    "a prediction that was invalidated, under another game id": [
        (
            f"INSERT INTO `{PREDICTIONS}` SELECT * REPLACE ('0022500001' AS game_id, 'moved' AS invalidation_reason)"
            f" FROM `{PREDICTIONS}` WHERE {OF_PLAYER_1}"
        )
    ],
    "a game of which the one predicted player is listed as out": [
        (
            f"INSERT INTO `{PREDICTIONS}` SELECT * REPLACE ('quiet' AS game_id, 'playerx' AS player_lookup)"
            f" FROM `{PREDICTIONS}` WHERE {OF_PLAYER_1}"
        ),
        (
            f"INSERT INTO `{REPORTS}` (player_lookup, game_date, injury_status, report_date, report_hour) VALUES"
            f" ('playerx', '{RECENT}', 'Questionable', '{RECENT}', 9), ('playerx', '{RECENT}', 'Out', '{RECENT}', 17)"
        ),
    ],
}


@pytest.mark.parametrize("kind", FURTHER)
def test_a_check_fails_on_further_data_of_its_kind(
    weeks: Application, bigquery_client: bigquery.Client, kind: str
) -> None:
    name, statements = FURTHER[kind]
    _run(bigquery_client, weeks.settings, statements)
    assert [check for check, verdict in _check(weeks).items() if verdict != "pass"] == [name]


@pytest.mark.parametrize("kind", NO_FAULT)
def test_what_is_no_fault_passes_every_check(weeks: Application, bigquery_client: bigquery.Client, kind: str) -> None:
    _run(bigquery_client, weeks.settings, NO_FAULT[kind])
    assert [check for check, verdict in _check(weeks).items() if verdict != "pass"] == []


@pytest.mark.parametrize("day", [OLD, RECENT])
def test_a_null_line_value_counts_as_a_key(weeks: Application, bigquery_client: bigquery.Client, day: object) -> None:
    """COUNT(DISTINCT CONCAT(…)) would not see these."""
    insert = (
        f"INSERT INTO `{ACCURACY}` SELECT * FROM `{ACCURACY}` WHERE game_date = '{day}' AND line_value IS NULL"
        f" AND player_lookup = 'player8'"
    )
    _run(bigquery_client, weeks.settings, [insert])
    failed = {check for check, verdict in _check(weeks).items() if verdict == "fail"}
    assert failed == {"duplicate_grades" if day == OLD else "recent_duplicate_keys"}


def test_a_null_line_of_a_prediction_counts_as_a_key(weeks: Application, bigquery_client: bigquery.Client) -> None:
    """Predictions without a line have one key a player and system as well."""
    insert = (
        f"INSERT INTO `{PREDICTIONS}` SELECT * FROM `{PREDICTIONS}` WHERE game_date = '{RECENT}'"
        f" AND player_lookup = 'player8'"
    )
    _run(bigquery_client, weeks.settings, [insert])
    assert _check(weeks)["duplicate_source_keys"] == "fail"


def test_a_revised_prediction_is_no_duplicate(weeks: Application, bigquery_client: bigquery.Client) -> None:
    """It differs in more than its time; grading takes the newest."""
    insert = (
        f"INSERT INTO `{PREDICTIONS}` SELECT * REPLACE (CAST(13 AS NUMERIC) AS predicted_points,"
        f" TIMESTAMP_ADD(created_at, INTERVAL 1 HOUR) AS created_at)"
        f" FROM `{PREDICTIONS}` WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"
    )
    _run(bigquery_client, weeks.settings, [insert])
    assert _check(weeks)["duplicate_source_keys"] == "pass"


def test_found_duplicates_are_audited_once_and_resolved_when_clean(
    weeks: Application, bigquery_client: bigquery.Client
) -> None:
    """The same finding is not recorded again; the next clean check sets resolved_at."""
    audit = weeks.settings.target("grading_duplicate_audit")
    open_rows = f"SELECT game_date, player_lookup, duplicate_count, resolved_at FROM `{audit}` ORDER BY system_id"
    _run(bigquery_client, weeks.settings, BROKEN["recent_duplicate_keys"])
    _check(weeks)
    _check(weeks)
    found = rows_of(bigquery_client, open_rows)
    assert [(row["game_date"], row["player_lookup"], row["duplicate_count"]) for row in found] == [
        (RECENT, "player1", 3)
    ] * 3
    assert {row["resolved_at"] for row in found} == {None}
    remove = (
        f"DELETE FROM `{ACCURACY}` WHERE game_date = '{RECENT}' AND player_lookup = 'player1'",
        (
            f"INSERT INTO `{ACCURACY}` (player_lookup, game_id, game_date, system_id, line_value)"
            f" SELECT 'player1', 'game', DATE '{RECENT}', s, CAST(10.5 AS NUMERIC)"
            " FROM UNNEST(['alpha', 'beta', 'gamma']) AS s"
        ),
    )
    _run(bigquery_client, weeks.settings, list(remove))
    _check(weeks)
    assert None not in {row["resolved_at"] for row in rows_of(bigquery_client, open_rows)}


def test_a_warning_is_neither_a_pass_nor_a_failure(weeks: Application, bigquery_client: bigquery.Client) -> None:
    """One grade of a thousand missing: worth a look, no emergency."""
    delete = f"DELETE FROM `{ACCURACY}` WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"
    _run(bigquery_client, weeks.settings, [delete])
    results = weeks.upkeep.quality_check(Deadline.after(60, weeks.clock), alert=False)
    assert worst(results) == "warn"


@pytest.mark.parametrize(
    ("broken", "verdict", "code"),
    [([], "pass", 0), (BROKEN["confidence_above_one"], "fail", 1), (["warn"], "warn", 0)],
    ids=["pass", "fail", "warn"],
)
def test_the_command_exits_with_the_verdict(
    weeks: Application,
    bigquery_client: bigquery.Client,
    monkeypatch: pytest.MonkeyPatch,
    broken: list[str],
    verdict: str,
    code: int,
) -> None:
    """0 all pass or warn, 1 failures; with --strict 1 for warnings, too. JSON carries what the text does."""
    if broken == ["warn"]:
        broken = [f"DELETE FROM `{ACCURACY}` WHERE game_date = '{RECENT}' AND player_lookup = 'player1'"]
    _run(bigquery_client, weeks.settings, broken)
    at_terminal(monkeypatch, "check", weeks)
    result = CliRunner().invoke(commands, ["check", "--format", "json"])
    assert result.exit_code == code, result.output
    answer = json.loads(result.output)
    assert answer["verdict"] == verdict
    strict = CliRunner().invoke(commands, ["check", "--strict"])
    assert strict.exit_code == (0 if verdict == "pass" else 1)
    assert len(answer["checks"]) == len(CHECKS)
    assert all({"figure", "threshold", "next_command", "verdict"} <= set(check) for check in answer["checks"])


def test_the_text_names_figure_threshold_and_next_command(
    weeks: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person reads in the morning."""
    _run(bigquery_client, weeks.settings, BROKEN["recent_duplicate_keys"])
    at_terminal(monkeypatch, "check", weeks)
    output = CliRunner().invoke(commands, ["check"]).output
    assert "recent_duplicate_keys" in output
    assert "fails above 0" in output
    assert "python -m grading dedupe --table prediction_accuracy" in output
    assert f"{RECENT} player1 alpha 10.5" in output
