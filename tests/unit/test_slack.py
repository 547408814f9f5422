"""Delivery to Slack: retried within a budget, never raising, never revealing the address."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from alerts.blocks import slack_payload
from alerts.messages import duplicates_found
from alerts.slack import LogNotifier, SlackNotifier
from alerts.webhook import FixedWebhook, WebhookUnavailable, WebhookUrl
from foundation.clock import SystemClock
from foundation.events import EventLog
from localdev.slack_sink import Answer, SlackSink
from tests.fakes import RecordingSink

ALERT = duplicates_found("2026-01-17", table="d.t", processor="p", duplicate_keys=3)
SECRET = "local-webhook-secret"


@pytest.fixture
def recorded() -> RecordingSink:
    return RecordingSink()


def notifier(url: str, recorded: RecordingSink, *, budget_seconds: float = 5.0) -> SlackNotifier:
    return SlackNotifier(
        FixedWebhook(url),
        requests.Session(),
        EventLog([recorded]),
        SystemClock(),
        environment="test",
        budget_seconds=budget_seconds,
    )


@contextmanager
def silent_server(first_bytes: bytes = b"", drip: bytes = b"") -> Iterator[str]:
    """A server that accepts, and then never finishes its answer (`drip` is sent again and again)."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            accepted: list[socket.socket] = []
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                    connection.sendall(first_bytes)
                    accepted.append(connection)
                except TimeoutError:
                    pass
                for connection in accepted:
                    try:
                        connection.sendall(drip)
                    except OSError:
                        accepted.remove(connection)
            for connection in accepted:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/services/{SECRET}"
        finally:
            stop.set()
            thread.join()


def test_an_alert_is_delivered_before_send_returns(slack_sink: SlackSink, recorded: RecordingSink) -> None:
    assert notifier(slack_sink.url, recorded).send(ALERT)
    assert slack_sink.delivered == [slack_payload(ALERT, environment="test")]
    assert recorded.names == ["alert_sent"]
    assert recorded.events[0].fields["check"] == "duplicates"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_refusal_is_tried_again(slack_sink: SlackSink, recorded: RecordingSink, status: int) -> None:
    slack_sink.answer_next(Answer(status=status), Answer(status=status))
    assert notifier(slack_sink.url, recorded).send(ALERT)
    assert [post.status for post in slack_sink.posts] == [status, status, 200]


def test_retry_after_is_obeyed(slack_sink: SlackSink, recorded: RecordingSink) -> None:
    """The pauses that were asked for are exactly those that were made."""
    pauses: list[float] = []
    slack_sink.answer_next(Answer(status=429, headers={"Retry-After": "2"}))
    slack = SlackNotifier(
        FixedWebhook(slack_sink.url),
        requests.Session(),
        EventLog([recorded]),
        SystemClock(),
        environment="test",
        sleep=pauses.append,
    )
    assert slack.send(ALERT)
    assert pauses == [2.0]


def test_a_retry_after_longer_than_the_budget_is_not_waited_for(slack_sink: SlackSink, recorded: RecordingSink) -> None:
    slack_sink.answer_always(Answer(status=429, headers={"Retry-After": "60"}))
    assert not notifier(slack_sink.url, recorded).send(ALERT)
    assert len(slack_sink.posts) == 1
    assert recorded.names == ["alert_failed"]
    assert "429" in recorded.events[0].fields["reason"]


def test_a_failure_is_logged_with_the_whole_alert(slack_sink: SlackSink, recorded: RecordingSink) -> None:
    """An alert that Slack did not take is still found in the log."""
    slack_sink.answer_always(Answer(status=500))
    assert not notifier(slack_sink.url, recorded, budget_seconds=1.0).send(ALERT)
    assert recorded.names == ["alert_failed"]
    assert recorded.events[0].severity == "ERROR"
    assert ALERT.title in recorded.events[0].fields["alert"]


@pytest.mark.parametrize("status", [301, 401, 405])
def test_a_refusal_for_good_is_not_repeated_or_followed(
    slack_sink: SlackSink, recorded: RecordingSink, status: int
) -> None:
    slack_sink.answer_always(Answer(status=status, headers={"Location": slack_sink.url}))
    assert not notifier(slack_sink.url, recorded).send(ALERT)
    assert len(slack_sink.posts) == 1


def test_refused_blocks_are_sent_again_as_plain_text(slack_sink: SlackSink, recorded: RecordingSink) -> None:
    """A message that Slack cannot lay out still reaches the person on call."""
    slack_sink.answer_next(Answer(status=400))
    assert notifier(slack_sink.url, recorded).send(ALERT)
    assert slack_sink.delivered[0].keys() == {"text"}


def test_a_revoked_address_is_fetched_anew_once(slack_sink: SlackSink, recorded: RecordingSink) -> None:
    class Rotated:
        """A source whose cached address is the old one until it is told to forget it."""

        def __init__(self) -> None:
            self.forgotten = 0

        def get(self) -> WebhookUrl:
            return WebhookUrl.parse(slack_sink.url if self.forgotten else slack_sink.url + "-old")

        def forget(self) -> None:
            self.forgotten += 1

    source = Rotated()
    slack = SlackNotifier(source, requests.Session(), EventLog([recorded]), SystemClock(), environment="test")
    assert slack.send(ALERT)
    assert source.forgotten == 1
    slack_sink.answer_always(Answer(status=403))
    assert not slack.send(ALERT)
    assert source.forgotten == 2


@pytest.mark.parametrize(
    ("first_bytes", "drip"),
    [(b"", b""), (b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n")],
    ids=["never answers", "drips its headers"],
)
def test_a_slow_slack_never_costs_more_than_the_budget(
    recorded: RecordingSink, first_bytes: bytes, drip: bytes
) -> None:
    """Also if each byte comes in time, which no socket timeout bounds."""
    with silent_server(first_bytes, drip) as url:
        started = time.monotonic()
        assert not notifier(url, recorded, budget_seconds=1.0).send(ALERT)
        assert time.monotonic() - started < 2.0
    assert recorded.names == ["alert_failed"]


def test_a_slack_that_is_not_there_is_told_and_harms_nothing(recorded: RecordingSink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not notifier(f"http://127.0.0.1:{port}/services/{SECRET}", recorded, budget_seconds=0.5).send(ALERT)
    assert "Slack was not reached" in recorded.events[0].fields["reason"]


def test_an_error_in_the_source_is_told_by_its_type_alone(recorded: RecordingSink) -> None:
    class Broken:
        def get(self) -> WebhookUrl:
            raise RuntimeError(f"https://hooks.slack.com/services/{SECRET}")

        def forget(self) -> None:
            raise AssertionError

    slack = SlackNotifier(Broken(), requests.Session(), EventLog([recorded]), SystemClock(), environment="test")
    assert not slack.send(ALERT)
    assert recorded.events[0].fields["reason"] == "RuntimeError"


@pytest.mark.parametrize("answers", [[200], [500, 404], [400, 200]])
def test_the_address_is_in_no_log_error_or_repr(
    slack_sink: SlackSink, recorded: RecordingSink, caplog: pytest.LogCaptureFixture, answers: list[int]
) -> None:
    """Not even with every library's debug log on; the library itself would write the path."""
    slack_sink.answer_next(*(Answer(status=status) for status in answers))
    slack_sink.answer_always(Answer(status=503))
    slack = notifier(slack_sink.url, recorded, budget_seconds=1.0)
    with caplog.at_level(logging.DEBUG):
        slack.send(ALERT)
        requests.get(slack_sink.url.replace(SECRET, "control"), timeout=5)
    assert "/services/T00000000/B00000000/control" in caplog.text, "the control: the library does log paths"
    for text in (caplog.text, repr(recorded.events), repr(vars(slack)), repr(FixedWebhook(slack_sink.url))):
        assert SECRET not in text


def test_a_dead_address_is_in_no_error(recorded: RecordingSink, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert not notifier(f"http://127.0.0.1:9/services/{SECRET}", recorded, budget_seconds=0.5).send(ALERT)
    assert SECRET not in caplog.text + repr(recorded.events)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hooks.slack.com/services/x",
        f"http://hooks.slack.com/{SECRET}",
        f"https://[{SECRET}",
        f"https://a b/{SECRET}",
    ],
)
def test_an_address_that_is_none_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(WebhookUnavailable) as refusal:
        WebhookUrl.parse(text)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_an_address_may_end_in_a_newline() -> None:
    """`echo url | gcloud secrets create` leaves one."""
    assert WebhookUrl.parse("https://hooks.slack.com/services/x\n").reveal() == "https://hooks.slack.com/services/x"


def test_without_a_webhook_the_log_carries_the_alert(recorded: RecordingSink) -> None:
    assert not LogNotifier(EventLog([recorded]), environment="test").send(ALERT)
    (event,) = recorded.events
    assert (event.name, event.severity) == ("alert_not_configured", "WARNING")
    assert ALERT.title in event.message
    assert "python -m grading dedupe" in event.message
