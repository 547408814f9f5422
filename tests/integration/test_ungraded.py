"""`ungraded` gives every prediction without a grade one cause; the causes add up, and agree with the grading's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.cli import commands
from grading.coverage import UNGRADED_REASONS
from grading.maintenance.ungraded import ADVICE, UngradedReport, find_ungraded
from grading.outcome import Outcome, Status
from grading.processors import GRADING, Processor
from grading.run import Request
from grading.wiring import Application
from localdev.load import load_slate
from localdev.sample_slate import write
from localdev.slate import read_slate
from tests.integration.conftest import DAY, RecordingNotifier
from tests.integration.damaged import at_terminal, count, execute
from tests.integration.slate import box_scores, load, predictions

SHARED = Path(__file__).parents[3] / "shared" / "data"


def _find(application: Application) -> UngradedReport:
    return find_ungraded(application.settings, application.jobs("ungraded", 60), start=DAY, end=DAY)


def _grade(application: Application, processor: Processor = GRADING) -> Outcome:
    return application.service.run(processor, Request(date=DAY), Deadline.after(60, application.clock))


@pytest.fixture(params=["shared", "sample"])
def slate(
    request: pytest.FixtureRequest, application: Application, bigquery_client: bigquery.Client, tmp_path: Path
) -> Application:
    """A real slate, if it is there; and a made-up one with every case."""
    directory = SHARED
    if request.param == "sample":
        directory = tmp_path
        write(directory, DAY)
    elif not (SHARED / f"player_prop_predictions_{DAY}.csv").is_file():
        pytest.skip("needs ../shared/data, which is not part of the repository")
    load_slate(bigquery_client, application.settings, read_slate(directory, DAY))
    return application


def test_the_causes_add_up_to_every_prediction_without_a_grade(
    slate: Application, bigquery_client: bigquery.Client
) -> None:
    """Before the run and after it; each cause has its advice, and agrees with what the grading counts."""
    settings = slate.settings
    table = settings.input_table("predictions_table")
    everything = count(bigquery_client, f"SELECT COUNT(*) FROM `{table}` WHERE game_date = '{DAY}'")
    before = _find(slate)
    assert (before.predictions, before.graded) == (everything, 0)
    assert sum(before.by_cause.values()) == before.total == everything
    gradable = before.by_cause["not_yet_run"]
    outcome = _grade(slate)
    assert outcome.status is Status.SUCCESS
    grades = count(bigquery_client, f"SELECT COUNT(*) FROM `{settings.target(GRADING.name)}` WHERE game_date = '{DAY}'")
    after = _find(slate)
    assert (after.predictions, after.graded) == (everything, grades)
    assert grades == gradable
    assert sum(after.by_cause.values()) == after.total == everything - grades
    assert outcome.coverage
    assert after.by_cause == {reason: number for reason, number in outcome.coverage.ungraded.items() if number}
    assert set(after.by_cause) <= set(UNGRADED_REASONS) <= set(ADVICE)
    assert after.gradable_dates == []


def test_the_shared_slate_is_explained_prediction_by_prediction(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """2,384 predictions, 2,009 graded: the other 375, by cause."""
    if not (SHARED / f"player_prop_predictions_{DAY}.csv").is_file():
        pytest.skip("needs ../shared/data, which is not part of the repository")
    load_slate(bigquery_client, application.settings, read_slate(SHARED, DAY))
    _grade(application)
    report = _find(application)
    assert (report.predictions, report.graded, report.total) == (2384, 2009, 375)
    assert sum(report.by_cause.values()) == 375


def test_a_failed_run_is_named_with_its_id_and_its_error(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """The last run decides; what was never run says so."""
    load(bigquery_client, application.settings, predictions(DAY, 6), box_scores(DAY, 6))
    assert _find(application).by_cause == {"not_yet_run": 6}
    sentinel = f"DELETE FROM `{application.settings.target(GRADING.name)}_fence` WHERE TRUE"
    execute(bigquery_client, sentinel)
    assert _grade(application).status is Status.FAILED
    (found,) = _find(application).causes
    assert (found.cause, found.predictions) == ("run_failed", 6)
    assert found.run_id
    assert f"run {found.run_id} failed" in found.advice
    assert "sentinel" in found.advice
    assert found.advice.endswith(f"python -m grading grade --date {DAY}")


def test_the_command_grades_what_can_be_graded(
    application: Application,
    bigquery_client: bigquery.Client,
    monkeypatch: pytest.MonkeyPatch,
    notifier: RecordingNotifier,
) -> None:
    """--grade runs the date; what has no box score stays, with its cause."""
    at_terminal(monkeypatch, "ungraded", application)
    load(bigquery_client, application.settings, predictions(DAY, 8), box_scores(DAY, 6))
    dates = ["--start", DAY.isoformat(), "--end", DAY.isoformat()]
    cli = CliRunner()
    shown = cli.invoke(commands, ["ungraded", *dates])
    assert shown.exit_code == 0, shown.output
    assert "8 predictions, 0 graded, 8 not" in shown.output
    assert "1 date can be graded now:\n  python -m grading ungraded" in shown.output
    done = cli.invoke(commands, ["ungraded", *dates, "--grade"])
    assert done.exit_code == 0, done.output
    after = cli.invoke(commands, ["ungraded", *dates])
    assert "8 predictions, 6 graded, 2 not" in after.output
    assert "no_box_score_for_player" in after.output
    assert "can be graded now" not in after.output
