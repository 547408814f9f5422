"""What a check looks at, and that one which cannot be run takes no other along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import WarehouseUnavailable
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from tests.fakes import RecordingNotifier
from tests.integration.conftest import rows_of
from tests.integration.damaged import NOON, TODAY, execute, graded_weeks
from tests.zetasql_check import Judge
from validation.checks import CHECKS, CheckResult
from validation.quality import Window, run_checks


@pytest.fixture
def weeks(
    input_tables: Settings, notifier: RecordingNotifier, bigquery_client: bigquery.Client, judge: Judge
) -> Iterator[Application]:
    statements: list[tuple[str, str]] = []
    application = Application(
        input_tables, clock=NOON, sinks=(), notifier=notifier, observe=lambda *job: statements.append(job)
    )
    create_tables(application.settings, application.jobs("init", 60))
    graded_weeks(bigquery_client, application.settings, days=20, players=10)
    yield application
    application.bigquery_client.close()
    judge.check_all(statements)


def _results(application: Application, *, alert: bool = False) -> dict[str, CheckResult]:
    results = application.upkeep.quality_check(Deadline.after(120, application.clock), alert=alert)
    return {result.check.name: result for result in results}


def _lose_days(client: bigquery.Client, settings: Settings, *back: int, both: bool = True) -> None:
    days = ", ".join(f"DATE '{TODAY - timedelta(days=n)}'" for n in back)
    tables = [settings.input_table("box_scores_table"), settings.input_table("predictions_table")]
    for table in tables if both else tables[1:]:
        execute(client, f"DELETE FROM `{table}` WHERE game_date IN ({days})")


def test_a_column_that_is_missing_fails_only_the_checks_that_read_it(
    weeks: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """What could not be run is a failure, named as such, told once, and over when it runs again."""
    table = weeks.settings.target("prediction_accuracy")
    execute(bigquery_client, f"ALTER TABLE `{table}` DROP COLUMN confidence_score")
    found = _results(weeks, alert=True)
    assert {name for name, result in found.items() if result.error} == {"confidence_above_one"}
    assert found["confidence_above_one"].verdict == "fail"
    assert {name for name, result in found.items() if result.verdict != "pass"} == {"confidence_above_one"}
    _results(weeks, alert=True)
    [alert] = notifier.alerts
    assert "could not be run" in alert.title
    assert any("confidence_score" in sample for sample in alert.samples)
    execute(bigquery_client, f"ALTER TABLE `{table}` ADD COLUMN confidence_score NUMERIC")
    _results(weeks, alert=True)
    assert [alert.title for alert in notifier.alerts][1:] == ["Resolved: quality_confidence_above_one"]


def test_if_nothing_can_be_asked_the_task_fails() -> None:
    """Then the event comes again."""

    def ask(_query: str) -> dict[str, object]:
        raise WarehouseUnavailable

    with pytest.raises(WarehouseUnavailable):
        run_checks(ask, Window(TODAY, 7), CHECKS)


@pytest.mark.parametrize(
    ("lost", "verdict"), [((1,), "pass"), ((1, 2), "warn"), ((1, 2, 3, 4), "fail"), ((2, 3), "pass")]
)
def test_one_empty_date_may_be_one_without_games(
    weeks: Application, bigquery_client: bigquery.Client, lost: tuple[int, ...], verdict: str
) -> None:
    """Two in a row up to yesterday are not; earlier ones that are over are no outage now."""
    _lose_days(bigquery_client, weeks.settings, *lost)
    assert _results(weeks)["freshness"].verdict == verdict


def test_one_empty_date_of_which_the_injury_report_names_a_game_is_an_outage(
    weeks: Application, bigquery_client: bigquery.Client
) -> None:
    _lose_days(bigquery_client, weeks.settings, 1)
    yesterday = TODAY - timedelta(days=1)
    report = weeks.settings.input_table("injury_report_table")
    execute(
        bigquery_client,
        f"INSERT INTO `{report}` (player_lookup, game_id, game_date, injury_status, report_date, report_hour)"
        f" VALUES ('p', '20260119_AAA_BBB', DATE '{yesterday}', 'Out', DATE '{yesterday}', 17)",
    )
    found = _results(weeks)["freshness"]
    assert found.verdict == "warn"
    assert "20260119_AAA_BBB" in found.samples[0]


@pytest.mark.parametrize("table", ["without game ids", "none"])
def test_freshness_needs_no_injury_report_that_names_games(
    weeks: Application, bigquery_client: bigquery.Client, table: str
) -> None:
    """Grading needs no game id of a report either."""
    settings = weeks.settings
    if table == "none":
        settings = replace(settings, injury_report_table="none")
    else:
        execute(bigquery_client, f"ALTER TABLE `{settings.input_table('injury_report_table')}` DROP COLUMN game_id")
    _lose_days(bigquery_client, settings, 1, 2)
    upkeep = replace(weeks.upkeep, settings=settings)
    results = upkeep.quality_check(Deadline.after(120, weeks.clock), alert=False)
    [freshness] = [result for result in results if result.check.name == "freshness"]
    assert freshness.verdict == "warn"


def test_box_scores_without_predictions_are_an_outage_at_once(
    weeks: Application, bigquery_client: bigquery.Client
) -> None:
    _lose_days(bigquery_client, weeks.settings, 1, both=False)
    assert _results(weeks)["freshness"].samples == ["2026-01-19: box scores, no predictions"]


@pytest.mark.parametrize("given", [{"season_breaks": "01-15/01-20"}, {"season": "03-01/12-01"}])
def test_dates_of_a_break_and_outside_the_season_are_not_missed(
    weeks: Application, bigquery_client: bigquery.Client, given: dict[str, str]
) -> None:
    _lose_days(bigquery_client, weeks.settings, 1, 2, 3, 4)
    settings = replace(weeks.settings, **given)  # type: ignore[arg-type]
    upkeep = replace(weeks.upkeep, settings=settings)
    results = upkeep.quality_check(Deadline.after(120, weeks.clock), alert=False)
    [freshness] = [result for result in results if result.check.name == "freshness"]
    assert (freshness.verdict, freshness.figure) == ("pass", None)


def test_a_retired_system_is_told_once_then_left_out_until_it_returns(
    weeks: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """Silent for 9 dates, then for 15; the second time it stops is news."""
    predictions = weeks.settings.input_table("predictions_table")

    def silent_since(last: date) -> None:
        execute(bigquery_client, f"DELETE FROM `{predictions}` WHERE system_id = 'gamma' AND game_date > '{last}'")

    def coverage() -> CheckResult:
        return _results(weeks, alert=True)["system_coverage"]

    silent_since(TODAY - timedelta(days=9))
    assert coverage().samples == ["gamma, last on 2026-01-11"]
    coverage()
    silent_since(TODAY - timedelta(days=15))
    assert coverage().verdict == "pass"
    assert [alert.check for alert in notifier.alerts] == ["quality_system_coverage"]


def test_a_bad_week_of_few_bets_is_not_reported(weeks: Application, bigquery_client: bigquery.Client) -> None:
    """Four of nine bets won, for a week: the bound of the interval is above the limit; of one in nine it is not."""
    accuracy = weeks.settings.target("prediction_accuracy")
    losing = f"UPDATE `{accuracy}` SET prediction_correct = FALSE WHERE system_id = 'beta' AND line_value IS NOT NULL"
    week = f"game_date >= '{TODAY - timedelta(days=7)}'"
    execute(bigquery_client, f"UPDATE `{accuracy}` SET prediction_correct = NULL WHERE system_id = 'beta'")
    execute(bigquery_client, f"{losing} AND {week}")
    execute(
        bigquery_client,
        f"UPDATE `{accuracy}` SET prediction_correct = TRUE WHERE system_id = 'beta' AND line_value IS NOT NULL"
        f" AND {week} AND player_lookup IN ('player1', 'player3', 'player5', 'player7')",
    )
    [won] = rows_of(
        bigquery_client,
        f"SELECT COUNTIF(prediction_correct) / COUNT(prediction_correct) AS rate, COUNT(prediction_correct) AS bets"
        f" FROM `{accuracy}` WHERE system_id = 'beta' AND {week}",
    )
    assert won["bets"] >= 30, "fewer bets are never judged"
    assert 0.3 < won["rate"] < 0.5, "worse than the milestone, if chance is left out"
    assert _results(weeks)["model_health"].verdict == "pass"
    execute(bigquery_client, f"{losing} AND {week} AND player_lookup != 'player1'")
    found = _results(weeks)["model_health"]
    assert found.verdict == "fail"
    assert found.names == ["beta win rate below the limit"]
