"""With BigQuery and Slack both hanging, an invocation ends within its time, alerts included."""

from __future__ import annotations

import pytest

from tests.faults.hanging import main


@pytest.mark.timeout(60)
def test_an_invocation_ends_in_time_while_bigquery_and_slack_hang(capsys: pytest.CaptureFixture[str]) -> None:
    """The promise of the setting itself; `python -m tests.faults.hanging` measures longer ones."""
    assert main([15.0]) == 0
    assert "redelivered" in capsys.readouterr().out
