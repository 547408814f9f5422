"""Figures as people read them: one convention for counts, shares, times and plurals, in alerts and at the terminal.

Thousands have commas; nothing ends in a zero that says nothing.
"""

from __future__ import annotations

import re
from datetime import timedelta

_IDLE = re.compile(r"(?<![\d.:])(-?\d+)(\.\d*0)(?![\d.]|:\d)")
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def number(value: float, digits: int = 1) -> str:
    """A number with commas and at most `digits` decimals: `1,417`, `4.5`, `6`."""
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def share(value: float, digits: int = 1) -> str:
    """A share from 0 to 1 in percent: `95%`, `52.4%`."""
    return f"{number(value * 100, digits)}%"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: `1 date`, `2 dates`, `0 dates`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def span(seconds: float | timedelta) -> str:
    """A time span in its largest fitting unit: `0.4 s`, `90 s`, `12.5 min`, `6 h`, `3 days`."""
    length = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if length < 10:
        return f"{number(length)} s"
    if length < 2 * _MINUTE:
        return f"{number(length, 0)} s"
    if length < 2 * _HOUR:
        return f"{number(length / _MINUTE)} min"
    if length < 2 * _DAY:
        return f"{number(length / _HOUR)} h"
    return f"{number(length / _DAY, 0)} days"


def trimmed(text: str) -> str:
    """A text whose decimal numbers end in no idle zero: `10.500000000` becomes `10.5`. Dates and times stay."""
    return _IDLE.sub(lambda found: found[1] + (found[2].rstrip("0").rstrip(".")), text)


def megabytes(size: int) -> str:
    """Bytes in millions: `1.5 MB`."""
    return f"{number(size / 1e6)} MB"
