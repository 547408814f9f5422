"""Events as structured logs: one JSON object a line on stdout, as Cloud Logging reads them.

`severity`, `message` and `time` become the entry's own, the rest its payload; a field named
`logging.googleapis.com/trace` or `logging.googleapis.com/labels` is taken up too
(https://cloud.google.com/logging/docs/structured-logging#special-payload-fields).
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TextIO

from foundation.clock import Clock
from foundation.events import Event

# An entry may hold 256 KiB (https://cloud.google.com/logging/quotas); one long value must not cost the whole entry.
_LONGEST_LINE = 200_000
_LONGEST_WHEN_CUT = 2_000
_LONGEST_TEXT = 16_000
_MOST_ITEMS = 100
_DEEPEST = 6
# Names that Cloud Logging, or this sink, gives a meaning of its own.
_RESERVED = frozenset({"severity", "message", "event", "time", "timestamp", "httpRequest"})


class JsonLogSink:
    """Writes each event as one line.

    Args:
        clock: stamps the entries.
        stream: where to write; by default whatever `sys.stdout` is at that moment.
    """

    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = stream
        self._lock = threading.Lock()

    def record(self, event: Event) -> None:
        """Write the line. A value that cannot be written is replaced, a broken stream is ignored."""
        try:
            line = _line(self._entry(event))
        except Exception as error:  # noqa: BLE001 - telling must never harm doing
            message = f"An event could not be written: {type(error).__name__}"
            line = json.dumps({"severity": "ERROR", "message": message, "event": "log_failed", "lost": event.name})
        try:
            stream = self._stream or sys.stdout
            with self._lock:
                stream.write(line + "\n")
                stream.flush()
        except (OSError, ValueError):
            # A closed or broken pipe: there is nowhere left to report it.
            return

    def _entry(self, event: Event) -> dict[str, Any]:
        fields = {f"field_{name}" if name in _RESERVED else str(name): value for name, value in event.fields.items()}
        return {
            "severity": event.severity,
            "message": _plain(event.message),
            "event": event.name,
            "time": self._clock.now().isoformat(),
            **{name: _plain(value) for name, value in fields.items()},
        }


def _line(entry: Mapping[str, Any]) -> str:
    line = json.dumps(entry, allow_nan=False)
    if len(line) <= _LONGEST_LINE:
        return line
    written = {name: json.dumps(value) for name, value in entry.items()}
    return json.dumps(
        {
            name: entry[name] if len(text) <= _LONGEST_WHEN_CUT else text[:_LONGEST_WHEN_CUT] + "…"
            for name, text in written.items()
        }
    )


def _plain(value: Any, depth: int = 0) -> Any:
    """The value in JSON's own types; what has none becomes text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if depth < _DEEPEST:
        if is_dataclass(value) and not isinstance(value, type):
            return _plain(asdict(value), depth)
        if isinstance(value, Mapping):
            return {str(key): _plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | AbstractSet):
            return [_plain(item, depth + 1) for item in list(value)[:_MOST_ITEMS]]
    return _text(value)


def _text(value: Any) -> str:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - a broken __str__ must not cost the event
        return f"<{type(value).__name__}>"
    # A lone surrogate is not valid in JSON.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
