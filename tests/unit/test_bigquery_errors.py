"""Which errors of BigQuery a repeat can mend."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions as api

from foundation.errors import (
    AccessRefused,
    GradingError,
    GuardRaised,
    NotInitialised,
    PublishConflict,
    StatementRefused,
    WarehouseUnavailable,
)
from warehouse.bigquery_errors import classify


def _with_reason(error: api.GoogleAPICallError, reason: str) -> api.GoogleAPICallError:
    return type(error)(error.message, errors=[{"reason": reason}])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (api.BadRequest("Transaction is aborted due to concurrent update against table p:d.t"), PublishConflict),
        (api.BadRequest("Could not serialize access to table p:d.t due to concurrent update"), PublishConflict),
        (api.BadRequest("Query error: grading:fence_newer at [12:3]"), GuardRaised),
        (api.BadRequest("Syntax error: Unexpected keyword"), StatementRefused),
        (api.Forbidden("Access Denied: Table p:d.t"), AccessRefused),
        (_with_reason(api.Forbidden("Exceeded rate limits"), "rateLimitExceeded"), WarehouseUnavailable),
        (_with_reason(api.Forbidden("Quota exceeded"), "quotaExceeded"), WarehouseUnavailable),
        (_with_reason(api.BadRequest("Resources"), "backendError"), WarehouseUnavailable),
        (api.InternalServerError("x"), WarehouseUnavailable),
        (api.ServiceUnavailable("x"), WarehouseUnavailable),
        (api.TooManyRequests("x"), WarehouseUnavailable),
        (api.RetryError("Timeout of 20s exceeded", cause=None), WarehouseUnavailable),
        (requests.exceptions.ConnectionError("refused"), WarehouseUnavailable),
        (requests.exceptions.ReadTimeout("slow"), WarehouseUnavailable),
        (ConnectionResetError("cut"), WarehouseUnavailable),
        (api.NotFound("Not found: Table p:d.t"), NotInitialised),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:30],
)
def test_an_error_becomes_the_one_that_decides_redelivery(error: Exception, expected: type[GradingError]) -> None:
    assert type(classify(error)) is expected


def test_a_guard_is_known_by_its_name() -> None:
    known = classify(api.BadRequest("Query execution failed: Invalid Input Error: grading:already_published"))
    assert isinstance(known, GuardRaised)
    assert known.guard == "already_published"
