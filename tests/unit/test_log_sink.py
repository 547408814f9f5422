"""Structured logs: one JSON object a line, whatever the fields hold, and never an exception."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import SystemClock
from foundation.events import Event, EventLog
from monitoring.log_sink import JsonLogSink


class Status(Enum):
    DONE = "done"


@dataclass(frozen=True)
class Sample:
    key: str
    at: date


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def line_of(**fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    EventLog([JsonLogSink(SystemClock(), stream)]).emit("write_published", "Published", **fields)
    text = stream.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    parsed = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert isinstance(parsed, dict)
    return parsed


def test_a_line_carries_what_cloud_logging_reads() -> None:
    entry = line_of(date=date(2026, 1, 17), rows=2009)
    assert (entry["severity"], entry["message"], entry["event"]) == ("INFO", "Published", "write_published")
    assert datetime.fromisoformat(entry["time"]).tzinfo is not None
    assert (entry["date"], entry["rows"]) == ("2026-01-17", 2009)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1.50"), 1.5),
        (Decimal("NaN"), "NaN"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (datetime(2026, 1, 17, 6, tzinfo=UTC), "2026-01-17T06:00:00+00:00"),
        (timedelta(minutes=2), 120.0),
        (Status.DONE, "done"),
        (Sample("jokic", date(2026, 1, 17)), {"key": "jokic", "at": "2026-01-17"}),
        ({1: {"a", }}, {"1": ["a"]}),
        (("a", None, True), ["a", None, True]),
        (b"raw", "b'raw'"),
        (ValueError("why"), "why"),
        (Path("x"), "x"),
        (Unprintable(), "<Unprintable>"),
        ("two\nlines", "two\nlines"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        (1_768_600_000_000_000, 1_768_600_000_000_000),
    ],
)  # fmt: skip
def test_every_value_is_written_in_jsons_own_types(value: object, written: object) -> None:
    assert line_of(value=value)["value"] == written


def test_fields_cannot_overwrite_what_cloud_logging_reads() -> None:
    """A field named `time` stays, under another name."""
    entry = line_of(time="06:00", timestamp=3, httpRequest="x", event="mine")
    assert entry["event"] == "write_published"
    assert (entry["field_time"], entry["field_timestamp"], entry["field_event"]) == ("06:00", 3, "mine")


def test_trace_and_labels_pass_through() -> None:
    special = {"logging.googleapis.com/trace": "projects/p/traces/t", "logging.googleapis.com/labels": {"a": "b"}}
    entry = line_of(**special)
    assert {name: entry[name] for name in special} == special


def test_long_texts_and_lists_are_cut() -> None:
    """An entry may hold 256 KiB."""
    assert len(json.dumps(line_of(text="x" * 1_000_000, items=list(range(100_000))))) < 100_000


def test_an_entry_that_is_too_long_keeps_its_short_fields() -> None:
    entry = line_of(rows=7, samples=["x" * 15_000] * 100)
    assert len(json.dumps(entry)) < 10_000
    assert entry["rows"] == 7
    assert entry["samples"].startswith('["xxx')


def test_a_value_that_contains_itself_is_cut() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "value" in line_of(value=endless)


def test_a_field_that_cannot_be_read_costs_its_line_only() -> None:
    class Broken(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("broken mapping")

    entry = line_of(value=Broken())
    assert (entry["severity"], entry["event"], entry["lost"]) == ("ERROR", "log_failed", "write_published")


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "broken pipe"])
def test_a_stream_that_is_gone_harms_nothing(closed: bool) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    stream = io.StringIO() if closed else Broken()
    if closed:
        stream.close()
    JsonLogSink(SystemClock(), stream).record(Event("x", "INFO", "m"))


def test_a_stream_that_cannot_encode_harms_nothing() -> None:
    """A console of another encoding: the line is ASCII."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    JsonLogSink(SystemClock(), stream).record(Event("x", "INFO", "ж"))
    assert json.loads(raw.getvalue())["message"] == "ж"


def test_lines_of_many_threads_do_not_mix() -> None:
    stream = io.StringIO()
    log = EventLog([JsonLogSink(SystemClock(), stream)])
    threads = [
        threading.Thread(target=lambda: [log.emit("x", "m" * 500) for _ in range(50)]) for _ in range(8)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 400
    assert all(json.loads(line)["event"] == "x" for line in lines)


def test_the_default_stream_is_stdout_at_the_time_of_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLogSink(SystemClock()).record(Event("x", "CRITICAL", "m"))
    assert json.loads(capsys.readouterr().out)["severity"] == "CRITICAL"


def test_alerts_and_monitoring_import_no_google_client() -> None:
    """A cold start that alerts nobody must not pay for Secret Manager or Cloud Monitoring."""
    script = (
        "import sys, alerts.slack, alerts.secret, alerts.suppression, monitoring.metrics_sink, "
        "monitoring.cloud_monitoring, monitoring.log_sink, grading.breaker; "
        "print([name for name in sys.modules if name.startswith(('google.cloud.', 'grpc', 'google.api_core'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
