"""Which errors of BigQuery a repeat can mend."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions as api

from foundation.errors import (
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
        (api.Forbidden("Access Denied: Table p:d.t"), StatementRefused),
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


@pytest.mark.parametrize("project", ["nba-grading", "grading", "my-grading"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (api.NotFound("Not found: Dataset {}:nba_predictions was not found in location US"), NotInitialised),
        (api.NotFound("Not found: Table {}:nba_predictions.grading_runs was not found"), NotInitialised),
        (api.Forbidden("Access Denied: Table {}:nba_predictions.grading_runs: no permission"), StatementRefused),
        (
            api.BadRequest("Transaction is aborted due to concurrent update against table {}:nba_predictions.x."),
            PublishConflict,
        ),
    ],
)
def test_a_project_whose_name_ends_in_grading_is_no_guard(
    project: str, error: api.GoogleAPICallError, expected: type[GradingError]
) -> None:
    named = type(error)(error.message.format(project))
    assert type(classify(named)) is expected


@pytest.mark.parametrize("text", ["grading:fence_newer", "Invalid Input Error: grading:fence_newer; reason: x"])
def test_a_guard_is_read_out_of_the_text_around_it(text: str) -> None:
    raised = classify(api.BadRequest(text))
    assert isinstance(raised, GuardRaised)
    assert raised.guard == "fence_newer"


@pytest.mark.parametrize(
    "text", ["Dataset nba-grading:nba_predictions is in location EU", "Invalid table nba.grading:nba_predictions now"]
)
def test_a_dataset_in_the_text_of_a_refusal_is_no_guard(text: str) -> None:
    assert type(classify(api.BadRequest(text))) is StatementRefused
