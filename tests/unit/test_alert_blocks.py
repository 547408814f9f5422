"""The Slack message stays within Slack's limits and lets no value from outside act as markup."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from alerts.alert import Alert
from alerts.blocks import MAX_BLOCKS, MAX_FIELD, MAX_FIELDS, MAX_HEADER, MAX_SECTION, as_text, slack_payload, slack_text
from alerts.event_messages import invalid_message
from alerts.messages import duplicates_found


def texts(payload: dict[str, Any]) -> str:
    return json.dumps(payload["blocks"], ensure_ascii=False)


def within_limits(payload: dict[str, Any]) -> None:
    """Slack's limits, as its reference states them."""
    assert 1 <= len(payload["blocks"]) <= MAX_BLOCKS
    assert 1 <= len(payload["text"]) <= 4000
    for block in payload["blocks"]:
        if block["type"] == "header":
            assert block["text"]["type"] == "plain_text"
            assert 1 <= len(block["text"]["text"]) <= MAX_HEADER
        else:
            assert block["type"] == "section"
            if "text" in block:
                assert 1 <= len(block["text"]["text"]) <= MAX_SECTION
            for field in block.get("fields", []):
                assert 1 <= len(field["text"]) <= MAX_FIELD
            assert len(block.get("fields", [None])) in range(1, MAX_FIELDS + 1)


def test_a_message_names_everything_that_the_person_on_call_needs() -> None:
    alert = duplicates_found(
        "2026-01-17",
        table="nba_predictions.prediction_accuracy",
        processor="prediction_accuracy",
        duplicate_keys=214,
        excess_rows=300,
        samples=["player_lookup=jokic: 2 rows, written 06:00, 06:01"],
        held_by="op-1",
    )
    payload = slack_payload(alert, environment="production")
    within_limits(payload)
    for part in (
        "production",
        "CRITICAL",
        "2026-01-17",
        "nba_predictions.prediction_accuracy",
        "214",
        "300",
        "op-1",
        "player_lookup=jokic: 2 rows, written 06:00, 06:01",
        "The write is committed",
        "python -m grading dedupe",
    ):
        assert part in texts(payload)
        assert part in payload["text"]


def test_values_cannot_ping_a_channel_or_leave_their_code_block() -> None:
    alert = Alert(
        check="x",
        severity="WARNING",
        title="t",
        what_happened="<!channel> & co",
        facts=[("<@U1>", "<https://evil|click>")],
        samples=["```<!here>```"],
    )
    payload = slack_payload(alert, environment="<!everyone>")
    for hostile in ("<!", "<@", "<https"):
        assert hostile not in texts(payload)
        assert hostile not in payload["text"]
    assert "&lt;!channel&gt; &amp; co" in texts(payload)
    samples = next(
        block["text"]["text"] for block in payload["blocks"] if "Samples" in block.get("text", {}).get("text", "")
    )
    assert samples.count("```") == 2


def test_oversized_values_are_cut_and_the_cut_is_said() -> None:
    alert = Alert(
        check="x",
        severity="CRITICAL",
        title="T" * 500,
        what_happened="&" * 5000,
        facts=[(f"fact {number}", "<" * 5000) for number in range(100)],
        samples=["&" * 400] * 20,
    )
    payload = slack_payload(alert, environment="e" * 500)
    within_limits(payload)
    shown = texts(payload)
    assert "61 facts" in shown
    assert "more" in shown
    assert "…" in shown
    for entity in ("&am…", "&l…", "&lt…"):
        assert entity not in shown, "an entity was cut through"


def _with_value(error: str, value: str) -> Alert:
    return replace(invalid_message(error), facts=[("Value", value)])


def test_a_value_that_fits_exactly_is_not_cut() -> None:
    alert = _with_value("bad", "v" * (MAX_FIELD - 300))
    assert "…" not in texts(slack_payload(alert, environment="test"))
    alert = _with_value("bad", "v" * (MAX_FIELD - 299))
    assert "…" in texts(slack_payload(alert, environment="test"))


def test_an_empty_value_still_makes_a_valid_message() -> None:
    alert = _with_value("the message has no data", "")
    within_limits(slack_payload(alert, environment="test"))


def test_the_plain_message_has_no_blocks() -> None:
    alert = _with_value("bad", "<x>")
    assert slack_text(alert, environment="test").keys() == {"text"}


def test_text_for_a_terminal_is_not_escaped() -> None:
    assert "<x>" in as_text(_with_value("bad", "<x>"))
