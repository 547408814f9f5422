"""The trend of duplicates: growth over 10 % from week to week is alerted, and its end reported."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.maintenance.tasks import Tasks
from grading.wiring import Application
from tests.integration.conftest import RecordingNotifier, RecordingSink
from tests.integration.damaged import NOON, TODAY, execute, grades_with_copies
from validation.trend import Trend


@pytest.mark.parametrize(
    ("last_week", "this_week", "grows"),
    [((100, 0), (100, 0), False), ((100, 10), (100, 11), False), ((100, 10), (100, 12), True),
     ((100, 0), (100, 1), True), ((0, 0), (0, 0), False), ((200, 20), (100, 10), False)],
)  # fmt: skip
def test_only_a_growth_of_over_ten_percent_counts(
    last_week: tuple[int, int], this_week: tuple[int, int], grows: bool
) -> None:
    """Rates are compared, not counts: a busier week is no worse."""
    trend = Trend(
        rows_this_week=this_week[0],
        excess_this_week=this_week[1],
        rows_last_week=last_week[0],
        excess_last_week=last_week[1],
    )
    assert trend.grows is grows


def test_the_task_alerts_growth_and_tells_its_end(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, notifier: RecordingNotifier
) -> None:
    """Weeks are counted by game date, back from today."""
    settings = application.settings
    upkeep = _on_a_fixed_day(application)
    grades_with_copies(bigquery_client, settings, TODAY - timedelta(days=10), keys=90, excess=10)
    grades_with_copies(bigquery_client, settings, TODAY - timedelta(days=3), keys=80, excess=20)
    trend = upkeep.duplicate_trend(Deadline.after(60, application.clock))
    assert (trend.rows_last_week, trend.excess_last_week) == (100, 10)
    assert (trend.rows_this_week, trend.excess_this_week) == (100, 20)
    assert notifier.checks() == ["duplicate_trend"]
    execute(
        bigquery_client,
        f"DELETE FROM `{settings.target('prediction_accuracy')}` WHERE game_date > '2000-01-01' AND run_id = 'run1'",
    )
    assert not upkeep.duplicate_trend(Deadline.after(60, application.clock)).grows
    assert notifier.checks() == ["duplicate_trend", "duplicate_trend"]
    assert notifier.alerts[-1].severity == "INFO"


def _on_a_fixed_day(application: Application) -> Tasks:
    return Tasks(
        settings=application.settings,
        clock=NOON,
        events=application.events,
        warehouse=application.warehouse,
        lock_store=application.lock_store,
        notifier=application.notifier,
        resolver=application.notifier,
    )
