"""The Slack sink records what it is sent, and fails as configured."""

from __future__ import annotations

import time

import pytest
import requests

from localdev.slack_sink import Answer, SlackSink, plain_text


def _post(sink: SlackSink, body: object, *, timeout: float = 5.0) -> requests.Response:
    return requests.post(sink.url, json=body, timeout=timeout)


def test_it_records_messages_in_order(slack_sink: SlackSink) -> None:
    assert [_post(slack_sink, {"text": text}).text for text in ("one", "two")] == ["ok", "ok"]
    assert [message["text"] for message in slack_sink.delivered] == ["one", "two"]


def test_planned_answers_are_given_once_each(slack_sink: SlackSink) -> None:
    slack_sink.answer_next(Answer(status=429, headers={"Retry-After": "1"}), Answer(status=500))
    first = _post(slack_sink, {"text": "one"})
    assert (first.status_code, first.headers["Retry-After"]) == (429, "1")
    assert [_post(slack_sink, {"text": "one"}).status_code for _ in range(2)] == [500, 200]
    assert len(slack_sink.delivered) == 1
    assert len(slack_sink.posts) == 3


def test_a_slow_answer_is_slow_and_does_not_hold_up_the_end() -> None:
    with SlackSink() as sink:
        sink.answer_always(Answer(delay_seconds=60))
        with pytest.raises(requests.Timeout):
            _post(sink, {"text": "one"}, timeout=0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 30


def test_what_is_no_message_is_refused_as_slack_does(slack_sink: SlackSink) -> None:
    assert _post(slack_sink, ["no object"]).status_code == 400
    assert requests.post(slack_sink.url + "-other", json={"text": "x"}, timeout=5).status_code == 404


def test_a_message_reads_as_text() -> None:
    message = {
        "text": "fallback",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "CRITICAL: 1 duplicate"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Date*\n2024-01-15"}]},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*Samples*\n```\na &amp; b\nc\n```"}},
        ],
    }
    assert plain_text(message).splitlines() == [
        "CRITICAL: 1 duplicate",
        "Date: 2024-01-15",
        "Samples:",
        "    a & b",
        "    c",
    ]
    assert plain_text({"text": "fallback"}) == "fallback"
