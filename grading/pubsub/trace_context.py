"""The trace that an event belongs to, taken over into every line that is logged while it is handled.

Cloud Logging shows the entries of one trace together, if they name it as `projects/{project}/traces/{id}` in
`logging.googleapis.com/trace` (https://cloud.google.com/logging/docs/structured-logging#special-payload-fields). An id
comes as W3C `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header): in an attribute of the Pub/Sub
message, if its publisher traces; else of the CloudEvent; else in a header of the request that delivers it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(-.*)?"
)
# Pub/Sub's client libraries put it under the first name.
_ATTRIBUTES = ("googclient_traceparent", "traceparent")


def trace_fields(data: object, further: tuple[object, ...], project: str) -> dict[str, Any]:
    """The fields that log entries carry, from the first valid `traceparent`; none if there is none.

    Args:
        data: the data of a Pub/Sub CloudEvent.
        further: other places where it may stand, in their order: the CloudEvent's attribute, the request's header.
        project: the project that the traces are in.
    """
    message = data.get("message") if isinstance(data, Mapping) else None
    attributes = message.get("attributes") if isinstance(message, Mapping) else None
    named = [attributes.get(name) for name in _ATTRIBUTES] if isinstance(attributes, Mapping) else []
    for value in (*named, *further):
        found = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
        if found and set(found["trace"]) != {"0"} and set(found["span"]) != {"0"}:
            return {
                "logging.googleapis.com/trace": f"projects/{project}/traces/{found['trace']}",
                "logging.googleapis.com/spanId": found["span"],
                "logging.googleapis.com/trace_sampled": bool(int(found["flags"], 16) & 1),
            }
    return {}
