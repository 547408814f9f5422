"""Events as they reach the function, and a wall clock that tests set."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def pubsub_event(message: Mapping[str, Any], published_at: datetime, message_id: str = "1") -> dict[str, Any]:
    """The data of a Pub/Sub CloudEvent."""
    body = base64.b64encode(json.dumps(message).encode()).decode()
    return {"message": {"data": body, "messageId": message_id, "publishTime": published_at.isoformat()}}
