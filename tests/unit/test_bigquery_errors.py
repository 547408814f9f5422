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
    OutcomeUnknown,
    PublishConflict,
    StatementRefused,
    Transient,
    WarehouseUnavailable,
)
from warehouse.bigquery_errors import classify
from warehouse.job_end import sent


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


@pytest.mark.parametrize(
    "text",
    [
        "Query error: grading:fence_newer at [12:3]",
        "grading:fence_newer",
        "grading:fence_newer at [1:1]",
        "400 POST https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs: grading:fence_newer at [9:9]",
        "Query execution failed: Invalid Input Error: grading:fence_newer",
        "grading:fence_newer at [1:1]; reason: invalidQuery, message: grading:fence_newer at [1:1], location: query",
    ],
)
def test_the_whole_message_of_a_guard_is_a_guard(text: str) -> None:
    known = classify(api.BadRequest(text))
    assert isinstance(known, GuardRaised)
    assert known.guard == "fence_newer"


@pytest.mark.parametrize(
    "text",
    [
        "Transaction is aborted due to concurrent update against table nba-grading:predictions.accuracy.",
        "Access Denied: Table nba-grading:predictions.accuracy: User does not have permission",
        "Not found: Job nba-grading:us.grading-1",
        "Quota exceeded: nba-grading:predictions",
        "Exceeded rate limits: too many table update operations for table nba-grading:predictions.accuracy",
        "nba-grading:predictions",
        "Something about 'grading:fence_newer' and more",
    ],
)
def test_a_project_id_that_ends_in_grading_is_no_guard(text: str) -> None:
    """Today's code took each of these for a guard of ours, and every passing error for a final one."""
    known = classify(api.BadRequest(text))
    assert not isinstance(known, GuardRaised)
    assert isinstance(known, Transient)


def test_a_table_that_is_named_like_a_job_is_a_table() -> None:
    assert isinstance(classify(api.NotFound("Not found: Table p:d.job was not found in location US")), NotInitialised)
    assert isinstance(classify(api.NotFound("Not found: Table p:d.jobs")), NotInitialised)
    assert isinstance(classify(api.NotFound("404 GET https://x/jobs/1: Not found: Job p:US.x")), OutcomeUnknown)


def test_what_was_refused_after_an_answer_was_lost_is_unknown() -> None:
    lost, refused = requests.exceptions.ReadTimeout("slow"), api.TooManyRequests("rate")
    assert isinstance(sent(refused, "job", [lost, refused]), OutcomeUnknown)
    assert not isinstance(sent(refused, "job", [refused, refused]), OutcomeUnknown)
