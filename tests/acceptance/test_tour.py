"""docs/tour.md is what its command records now: the stack with its events and Slack messages, and three commands."""

from __future__ import annotations

import re
from pathlib import Path

from localdev.tour import tour

_ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_is_what_is_recorded_now() -> None:
    """But for dates, times and ids, and the parts of the stack that this machine has not. Ctrl-C ends it cleanly."""
    recorded = tour()
    assert "The stack has ended" in recorded
    assert _settled(recorded) == _settled((_ROOT / "docs" / "tour.md").read_text(encoding="utf-8"))
    outside = [line for line in recorded.split("## In another")[1].splitlines() if len(line) > 80]
    assert all(line.startswith("  python -m grading") for line in outside)


def _settled(text: str) -> list[str]:
    text = re.sub(r"\d{4}-\d\d-\d\d", "DATE", text)
    text = re.sub(r"\d\d-\d\d \d\d:\d\d|\d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"[\d.]+ (s|min|h|days)\b", "SPAN", text)
    text = re.sub(r"Message: [0-9a-f-]+|\b[0-9a-f]{32}\b", "ID", text)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line and not re.search(r" answers$|emulator|gcloud pubsub", line)]
