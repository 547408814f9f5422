"""Each situation's alert says what it is, what became of the write, and what to type."""

from __future__ import annotations

import re
import shlex
from datetime import date
from pathlib import Path

import pytest

from alerts import event_messages, messages, runbook, upkeep_messages
from alerts.alert import Alert
from alerts.blocks import as_text, slack_payload
from foundation import commands
from grading.hold import Hold, NotHeld
from grading.outcome_alerts import _held_by
from validation.checks import CHECKS
from validation.duplicates import DuplicateSample

DAY = date(2026, 1, 17)
TABLE = "nba_predictions.prediction_accuracy"
PROCESSOR = "prediction_accuracy"
ROOT = Path(__file__).parents[2]

EVERY_ALERT = [
    messages.duplicates_found(DAY, table=TABLE, processor=PROCESSOR, duplicate_keys=214),
    messages.staged_duplicates(DAY, table=TABLE, processor=PROCESSOR, duplicate_keys=2, excess_rows=3, run_id="r"),
    event_messages.event_failed("Table d.t is missing", message_id="m-1"),
    messages.lock_failure(DAY, lock_type="grading", reason="timeout"),
    messages.lock_failure(DAY, lock_type="grading", reason="unavailable"),
    event_messages.invalid_message("target_date is not a date"),
    event_messages.event_too_old(DAY, age_seconds=30_000, max_age_seconds=21_600),
    messages.shrunk(DAY, table=TABLE, processor=PROCESSOR, staged_keys=100, present_keys=1000),
    messages.no_predictions(DAY, table=TABLE, processor=PROCESSOR, present_rows=10),
    messages.rows_missing(DAY, table=TABLE, processor=PROCESSOR, published=10, present=6, run_id="r"),
    event_messages.unexpected_error("KeyError: x", where="the handler", message_id="m-1"),
    messages.no_actuals(DAY, table=TABLE, processor=PROCESSOR),
    messages.partial_coverage(DAY, table=TABLE, processor=PROCESSOR, graded=50, gradable=100, min_coverage=0.7),
    messages.processor_failed(DAY, processor=PROCESSOR, error="BigQuery gave no answer", transient=True),
    upkeep_messages.stuck_lock_found(
        DAY, lock_type="grading", held_by="op-1", held_seconds=700, heartbeat_age_seconds=5
    ),
    upkeep_messages.stuck_lock_removed(
        DAY, lock_type="grading", held_by="op-1", held_seconds=1000, heartbeat_age_seconds=900
    ),
    upkeep_messages.breaker_opened(PROCESSOR, failures=3, cool_down_seconds=300),
    upkeep_messages.breaker_closed(PROCESSOR),
    upkeep_messages.remediation_succeeded(DAY, table=TABLE, processor=PROCESSOR, duplicate_keys=214, rows_removed=214),
    upkeep_messages.remediation_failed(DAY, table=TABLE, processor=PROCESSOR, duplicate_keys=5000, error="too many"),
    upkeep_messages.backfill_finished("2026-01-01", DAY, dates_by_status={"success": 17}, rows=9, duration_seconds=61),
    upkeep_messages.quality_check_result(
        name="freshness", meaning="the age", outcome="fail", figure="3 days", threshold="1 day", next_command=None
    ),
    upkeep_messages.backfill_unfinished(
        "2026-01-01", "2026-01-30", runs_left=3, runs_done=87, silent_seconds=600, command=commands.UNFINISHED
    ),
    upkeep_messages.duplicate_trend(table=TABLE, this_week_rate=0.02, last_week_rate=0.01),
]


@pytest.mark.parametrize("alert", EVERY_ALERT, ids=lambda alert: f"{alert.check}-{alert.severity}")
def test_every_alert_says_what_happened_and_names_a_command(alert: Alert) -> None:
    assert alert.title
    assert alert.what_happened.endswith(".")
    if alert.check == "invalid_message":  # only its publisher can mend it
        assert alert.next_command is None
        return
    assert alert.next_command is not None
    assert shlex.split(alert.next_command)[:3] == ["python", "-m", "grading"]


def test_duplicates_name_counts_samples_holder_and_repair() -> None:
    """Keys and excess rows are distinguished, and a sample shows its key and when each row was written."""
    sample = DuplicateSample(
        key={"player_lookup": "jokic", "line_value": None}, copies=2, written_at="2026-01-17 06:00, 2026-01-17 06:01"
    )
    alert = messages.duplicates_found(
        DAY,
        table=TABLE,
        processor=PROCESSOR,
        duplicate_keys=188_000,
        excess_rows=188_946,
        samples=[sample] * 30,
        held_by="backfill-7 (3f2a)",
        run_id="run-1",
    )
    text = as_text(alert)
    for part in ("188,000", "188,946", "backfill-7 (3f2a)", "run-1", "CRITICAL"):
        assert part in text
    assert "player_lookup=jokic, line_value=NULL: 2 rows, written 2026-01-17 06:00, 2026-01-17 06:01" in text
    assert len(alert.samples) == messages.SAMPLES_SHOWN
    assert alert.next_command == commands.dedupe(TABLE, DAY, DAY)
    assert alert.next_command.endswith("--start 2026-01-17 --end 2026-01-17 --execute")


def test_one_duplicate_is_not_written_in_the_plural() -> None:
    alert = messages.duplicates_found(DAY, table="t", processor="p", duplicate_keys=1)
    assert "1 duplicate business key in" in alert.title


def test_lock_timeout_is_critical_names_the_holder_and_says_that_the_write_went_on() -> None:
    alert = messages.lock_failure(DAY, lock_type="grading", reason="timeout", held_by="op-9", waited_seconds=170.04)
    assert alert.severity == "CRITICAL"
    assert ("Held by", "op-9") in alert.facts
    assert ("Waited", "2.8 min") in alert.facts
    assert "proceeds without the lock, and is as safe" in alert.what_happened
    assert alert.next_command == commands.LOCKS, "it shows the holder, and what releases its lock"


def test_a_dead_lock_store_does_not_suggest_to_release_a_lock() -> None:
    alert = messages.lock_failure(DAY, lock_type="grading", reason="unavailable", detail="503")
    assert alert.severity == "CRITICAL"
    assert alert.next_command == commands.LOCKS


def test_each_alert_links_its_section_of_the_runbook() -> None:
    """By the address of the setting, and as a path without one; the section is there."""
    anchors = set(re.findall(r"^#+ (\S+)$", (ROOT / runbook.PATH).read_text(), re.MULTILINE))
    for alert in EVERY_ALERT:
        link = f"https://example.com/runbook#{runbook.section_of(alert.check)}"
        assert f"<{link}|" in str(slack_payload(alert, environment="e", runbook_url="https://example.com/runbook"))
        assert f"{runbook.PATH}#{runbook.section_of(alert.check)}" in str(slack_payload(alert, environment="e"))
        assert runbook.section_of(alert.check) in anchors
    assert {f"quality_{check.name}" for check in CHECKS} <= anchors


@pytest.mark.parametrize("alert", EVERY_ALERT, ids=lambda alert: f"{alert.check}-{alert.severity}")
def test_no_number_ends_in_an_idle_zero(alert: Alert) -> None:
    assert not re.search(r"\d\.\d*0\b(?!\.)", as_text(alert))


def test_an_invalid_message_names_the_value_and_two_of_them_are_two_alerts() -> None:
    first = event_messages.invalid_message("target_date 2026-02-30 is not a date")
    second = event_messages.invalid_message("target_date tomorrow-ish is not a date")
    assert "2026-02-30" in first.title
    assert first.subject != second.subject


def test_shrunk_says_what_to_look_at_and_never_offers_to_publish() -> None:
    alert = messages.shrunk(DAY, table=TABLE, processor=PROCESSOR, staged_keys=100, present_keys=1000)
    assert "Nothing was published" in alert.what_happened
    assert alert.next_command == commands.preview(DAY)
    assert commands.label(alert.next_command) == "Look at first"
    assert "allow-shrink" not in as_text(alert)


def test_partial_coverage_gives_the_reasons_and_divides_nothing_by_zero() -> None:
    alert = messages.partial_coverage(
        DAY,
        table=TABLE,
        processor=PROCESSOR,
        graded=60,
        gradable=100,
        min_coverage=0.7,
        ungraded_by_reason={"no box score for the game": 40},
    )
    assert ("Ungraded: no box score for the game", "40") in alert.facts
    assert "60%" in alert.title
    empty = messages.partial_coverage(DAY, table=TABLE, processor=PROCESSOR, graded=0, gradable=0, min_coverage=0.7)
    assert "0%" in empty.title


def test_a_permanent_failure_is_critical_and_says_that_a_repeat_cannot_help() -> None:
    alert = messages.processor_failed(
        DAY,
        processor="performance_summary",
        error="refused",
        transient=False,
    )
    assert alert.severity == "CRITICAL"
    assert ("Error", "refused") in alert.facts
    assert "A repeat cannot help" in alert.what_happened


def test_a_backfill_with_failures_lists_them_and_says_how_to_resume() -> None:
    alert = upkeep_messages.backfill_finished(
        "2026-01-01",
        "2026-01-30",
        dates_by_status={"success": 28, "failed": 2},
        rows=1000,
        duration_seconds=300,
        failed_dates=["2026-01-03 timeout", "2026-01-09 timeout"],
    )
    assert alert.severity == "CRITICAL"
    assert list(alert.samples) == ["2026-01-03 timeout", "2026-01-09 timeout"]
    assert alert.next_command == "python -m grading backfill --start 2026-01-01 --end 2026-01-30 --resume"


def test_news_repeats_and_states_do_not() -> None:
    """What is reported each time (a backfill, a breaker) is never held back as a repetition."""
    repeating = {alert.check for alert in EVERY_ALERT if alert.repeats}
    assert repeating == {"stuck_lock_removed", "breaker", "remediation", "backfill"}


def test_resolved_names_the_earlier_alert() -> None:
    alert = messages.resolved("duplicates", table=TABLE, date="2026-01-17", title="214 duplicates")
    assert alert.severity == "INFO"
    assert alert.title == f"Resolved: duplicates of {TABLE} on 2026-01-17"
    assert "214 duplicates" in alert.what_happened


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        (
            Hold(failure=NotHeld.TIMEOUT, blocked_by="op-9"),
            "nobody: the write ran without the lock (timeout); it was held",
        ),
        (Hold(failure=NotHeld.UNAVAILABLE), "nobody: the write ran without the lock (unavailable)"),
        (Hold(failure=NotHeld.NOT_REQUESTED), "nobody: the write ran without the lock (not requested)"),
    ],
)
def test_duplicates_say_who_held_the_lock_or_that_nobody_did(hold: Hold, said: str) -> None:
    """In the accident that this project answers, the write ran without its lock."""
    assert _held_by(hold).startswith(said)
