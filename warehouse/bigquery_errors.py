"""What an error of the BigQuery client means for the one who called."""

from __future__ import annotations

import re

import requests.exceptions
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from foundation.errors import (
    AccessRefused,
    GradingError,
    GuardRaised,
    NotInitialised,
    PublishConflict,
    StatementRefused,
    WarehouseUnavailable,
)

INIT_ADVICE = "Run `python -m grading init` if it is a table of the service."

_ADDRESS = re.compile(r"^\d{3} (?:(?:GET|POST) \S+: )?")
_GUARD = re.compile(r"grading:([a-z_]+)")
_CONFLICTS = ("aborted due to concurrent update", "Could not serialize access")
_TRANSIENT_REASONS = frozenset(
    {
        "backendError",
        "badGateway",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "stopped",
        "tableUnavailable",
        "timeout",
    }
)
_TRANSIENT_TYPES = (
    api.ServerError,
    api.TooManyRequests,
    api.RetryError,
    auth.TransportError,
    requests.exceptions.RequestException,
    ConnectionError,
)


def classify(error: Exception) -> GradingError:
    """The error of our tree that says whether a repeat can help.

    A message of one of our own script guards (`ERROR('grading:…')`) becomes `GuardRaised`. Reasons are those
    of https://cloud.google.com/bigquery/docs/error-messages; a transaction that BigQuery aborts for a
    concurrent one answers 400 with the texts of
    https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency.
    """
    text = str(error)
    if guard := _GUARD.search(text):
        return GuardRaised(guard.group(1))
    if any(conflict in text for conflict in _CONFLICTS):
        return PublishConflict(_first_line(text))
    if isinstance(error, _TRANSIENT_TYPES) or _reason(error) in _TRANSIENT_REASONS:
        return WarehouseUnavailable(_first_line(text))
    if isinstance(error, api.NotFound):
        return NotInitialised(f"{_first_line(text)} {INIT_ADVICE}")
    if isinstance(error, api.Forbidden):
        return AccessRefused(_first_line(text))
    return StatementRefused(_first_line(text))


def plain_reason(error: GradingError) -> str:
    """What BigQuery said, without the address that was asked and without the advice to run `init`."""
    return _ADDRESS.sub("", str(error)).removesuffix(INIT_ADVICE).strip()


def _reason(error: Exception) -> str:
    details = getattr(error, "errors", None)
    return str(details[0].get("reason", "")) if details and isinstance(details[0], dict) else ""


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")[:500]
