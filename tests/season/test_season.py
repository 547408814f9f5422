"""A season of daily runs: each incident is reported within a day, and little else.

`make test` replays the short season, `make test-long` the whole one.
"""

from __future__ import annotations

import os

from google.cloud import bigquery

from grading.settings import Settings
from tests.season.plan import SEASON, SHORT
from tests.season.replay import replay

MOST_OTHERS = 20
INCIDENTS = ("quality_recent_duplicate_keys", "quality_freshness", "quality_silent_games")


def test_incidents_are_reported_within_a_day_and_nothing_twice(
    settings: Settings, bigquery_client: bigquery.Client
) -> None:
    """The accident, the outage and the silent game; and nothing on the dates without games or with late box scores."""
    plan = SEASON if os.environ.get("LONG_TESTS") else SHORT
    replayed = replay(settings, bigquery_client, plan)
    table = "\n".join(replayed.table())
    for name, (day, reported) in replayed.incidents.items():
        assert reported is not None, f"{name}\n{table}"
        assert reported <= day + 1, f"{name}\n{table}"
    assert not replayed.reported_twice, table
    others = [message for message in replayed.messages if message.alert.check not in INCIDENTS]
    assert len(others) <= MOST_OTHERS, table
    quiet = {number + 1 for number in (*plan.empty, *plan.late_hours, *plan.half_late)}
    unasked = {"no_predictions", "no_actuals", "partial_coverage", "quality_freshness"}
    assert not [m for m in replayed.messages if m.day in quiet and m.alert.check in unasked], table
