"""The trace of an event, from wherever it stands, into every line."""

from __future__ import annotations

import threading

import pytest

from foundation.events import Event, EventLog, carrying
from grading.pubsub.trace_context import trace_fields

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
FIELDS = {
    "logging.googleapis.com/trace": f"projects/p/traces/{TRACE}",
    "logging.googleapis.com/spanId": SPAN,
    "logging.googleapis.com/trace_sampled": True,
}


@pytest.mark.parametrize(
    ("data", "further"),
    [
        ({"message": {"attributes": {"googclient_traceparent": GOOD}}}, ()),
        ({"message": {"attributes": {"traceparent": GOOD}}}, (f"00-{'1' * 32}-{SPAN}-01",)),
        ({"message": {"attributes": {"traceparent": "nonsense"}}}, (None, GOOD)),
        ({"message": {}}, (GOOD,)),
        (None, (GOOD,)),
        ({"message": {"attributes": ["x"]}}, (7, GOOD)),
    ],
)
def test_the_first_valid_one_counts(data: object, further: tuple[object, ...]) -> None:
    assert trace_fields(data, further, "p") == FIELDS


@pytest.mark.parametrize(
    "text",
    [
        "", "x", f"00-{TRACE}-{SPAN}", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01",
        GOOD.upper(), f"00-{TRACE[:-1]}-{SPAN}-01", f"{GOOD}\n",
    ],
)  # fmt: skip
def test_what_is_no_trace_is_none(text: str) -> None:
    assert trace_fields({}, (text,), "p") == {}


def test_an_unsampled_trace_says_so() -> None:
    assert trace_fields({}, (f"00-{TRACE}-{SPAN}-00",), "p")["logging.googleapis.com/trace_sampled"] is False


class _Sink:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


def test_every_event_of_the_thread_carries_it_until_the_end() -> None:
    """Also one of a log that was made before; bound fields win; another thread's events do not have it."""
    sink = _Sink()
    log = EventLog([sink]).bind(a=1)
    with carrying(a=0, b=2):
        log.emit("inside", "")
        other = threading.Thread(target=log.emit, args=("elsewhere", ""))
        other.start()
        other.join()
    log.emit("after", "")
    assert [dict(event.fields) for event in sink.events] == [{"a": 1, "b": 2}, {"a": 1}, {"a": 1}]
