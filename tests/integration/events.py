"""Events as they reach the function, and a wall clock that tests set."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from foundation.clock import SystemClock


class WallClock(SystemClock):
    """The machine's clock, but for the wall time, which stands where a test puts it."""

    def __init__(self, wall: datetime) -> None:
        self.wall = wall

    def now(self) -> datetime:
        return self.wall


def pubsub_event(message: Mapping[str, Any], published_at: datetime, message_id: str = "1") -> dict[str, Any]:
    """The data of a Pub/Sub CloudEvent."""
    body = base64.b64encode(json.dumps(message).encode()).decode()
    return {"message": {"data": body, "messageId": message_id, "publishTime": published_at.isoformat()}}
