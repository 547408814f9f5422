"""gcloud's own --flatten, --filter and --format, from the SDK."""

from __future__ import annotations

import io
from typing import Any

from googlecloudsdk.calliope import display_taps
from googlecloudsdk.core.resource import resource_filter, resource_printer
from googlecloudsdk.core.util import peek_iterable


def printed(answer: Any, flags: dict[str, str]) -> str:
    """What gcloud prints of a resource, or of a list of them."""
    if answer is None or flags.get("format") == "none":
        return ""
    if isinstance(answer, str):
        return answer + "\n"
    single = isinstance(answer, dict)
    items: Any = [answer] if single else list(answer)
    if key := flags.get("flatten"):
        path: list[str] = []
        for part in key.removesuffix("[]").split("[]."):
            path += part.split(".")
            items = list(peek_iterable.Tapper(iter(items), display_taps.Flattener(list(path))))
        single = False
    if text := flags.get("filter"):
        wanted = resource_filter.Compile(text)
        items = [item for item in items if wanted.Evaluate(item)]
    if limit := flags.get("limit"):
        items = items[: int(limit)]
    out = io.StringIO()
    resource_printer.Print(items[0] if single else items, flags.get("format") or "json", out=out, single=single)
    return out.getvalue()
