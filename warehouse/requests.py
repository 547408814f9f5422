"""One request to BigQuery: tried again within its time, and never longer than its caller has.

The client's own retry gives each attempt the whole timeout, so that a server that hangs costs twice of it. Here each
attempt gets what is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from google.api_core.retry import Retry
from google.cloud import bigquery

from warehouse.bigquery_errors import not_connected

REQUEST_SECONDS = 20.0
RETRY = bigquery.DEFAULT_RETRY.with_timeout(REQUEST_SECONDS)
# For the client's argument `retry`: it takes None for "do not", which its annotation does not say.
ONE_ATTEMPT: Any = None

# As long as no attempt has reached BigQuery, nothing was sent: there is no reason to wait for longer.
UNREACHED_SECONDS = 3.0
_LEAST_SECONDS = 0.1

T = TypeVar("T")


def request(
    call: Callable[[float], T],
    seconds: Callable[[], float],
    *,
    retry: Retry = RETRY,
    failures: list[Exception] | None = None,
) -> T:
    """Make a request, and make it again after an error that passes.

    Args:
        call: makes one attempt that takes at most so many seconds, and does not retry.
        seconds: how many seconds the caller has left now.
        retry: which errors pass, and for how long.
        failures: each attempt that failed is appended here.

    Raises the error of the last attempt, or `google.api_core.exceptions.RetryError` if time ran out.
    """
    failed = [] if failures is None else failures
    began = time.monotonic()

    def again(error: Exception) -> bool:
        failed.append(error)
        if seconds() <= _LEAST_SECONDS:
            return False
        if time.monotonic() - began > UNREACHED_SECONDS and all(map(not_connected, failed)):
            return False
        return bool(retry._predicate(error))  # noqa: SLF001 - it has no public name

    def attempt() -> T:
        return call(max(_LEAST_SECONDS, min(REQUEST_SECONDS, seconds())))

    bounded = retry.with_predicate(again)
    if retry.timeout is not None:
        bounded = bounded.with_timeout(max(_LEAST_SECONDS, min(retry.timeout, seconds())))
    return bounded(attempt)()
