"""Counts and times what a client sends to and receives from BigQuery, at its HTTP session."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

# A job id of the service names its step and ends with a number.
_STEP = re.compile(r"grading-([a-z_]+)-\d{4}-\d\d-\d\d-[0-9a-f]{32}-([a-z-]+)-\d+")


@dataclass(slots=True)
class Traffic:
    """Bytes of bodies, request lines and headers; bodies received are counted unpacked.

    `seconds` is the time spent in requests, by the step that the job's id names.
    """

    requests: int = 0
    jobs: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget what was before."""
        self.requests = self.jobs = self.bytes_up = self.bytes_down = 0
        self.seconds.clear()


class _CountingAdapter(HTTPAdapter):
    """Passes requests on, and counts them in `traffic`."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()
        self._traffic = traffic

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        traffic = self._traffic
        started = time.perf_counter()
        response = super().send(request, *arguments, **options)
        down = _size(response.headers) + len(response.content)
        step = _step(request)
        traffic.seconds[step] = traffic.seconds.get(step, 0.0) + time.perf_counter() - started
        traffic.requests += 1
        traffic.jobs += _starts_job(request)
        traffic.bytes_up += len(request.url or "") + _size(request.headers) + _length(request.body)
        traffic.bytes_down += down
        return response


def count_traffic(session: requests.Session) -> Traffic:
    """Count from now on what goes through a session."""
    traffic = Traffic()
    session.mount("http://", _CountingAdapter(traffic))
    return traffic


def _step(request: requests.PreparedRequest) -> str:
    if found := _STEP.search(f"{request.url} {_text(request.body)}"):
        return f"{found[1]}: {found[2]}"
    return "table metadata"


def _text(body: object) -> str:
    return body.decode(errors="replace") if isinstance(body, bytes) else body if isinstance(body, str) else ""


def _starts_job(request: requests.PreparedRequest) -> bool:
    """A dry run starts none."""
    path = urlsplit(request.url or "").path
    sent = request.method == "POST" and str(path).endswith(("/jobs", "/queries"))
    return sent and '"dryRun": true' not in _text(request.body)


def _size(headers: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers.items())


def _length(body: object) -> int:
    return len(body) if isinstance(body, bytes | str) else 0
