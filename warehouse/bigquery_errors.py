"""What an error of the BigQuery client means for the one who called.

Permanent is only what is known to be: a statement that BigQuery calls invalid, a table that is missing, a query that
is too big. Everything else, known or unknown, is transient: the event comes again until it is too old.

The text is looked at first, then the reason, and the exception's type last. The reason `invalidQuery` is also given to
transactions that met another one (https://github.com/confluentinc/kafka-connect-bigquery/issues/279), and the client
maps reasons that it does not know, such as `bytesBilledLimitExceeded`, to a server error. docs/reliability.md has the
table of what is retried; tests/unit/answers.json has each answer with its source.
"""

from __future__ import annotations

import re

import requests.exceptions
import urllib3.exceptions
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from foundation.commands import INIT
from foundation.errors import (
    AccessRefused,
    GradingError,
    GuardRaised,
    NotInitialised,
    OutcomeUnknown,
    PublishConflict,
    ResourcesExceeded,
    StatementRefused,
    UnknownFailure,
    WarehouseUnavailable,
)

INIT_ADVICE = f"Run `{INIT}` if it is a table of the service."
_ACCESS_ADVICE = (
    " (access was refused: a new role takes minutes to spread; otherwise the role is missing, or the table is, or it "
    "lies in another location)"
)

# The client writes status, method and address before the server's text; a script's error may have a position after it.
_ADDRESS = re.compile(r"^(?:\d{3} )?(?:[A-Z]+ https?://\S+: )?")
# The client repeats reason and text of each of a job's errors after its message.
_DETAILS = "; reason: "
# The whole of a message: ERROR('grading:…'), as BigQuery and the local emulator report it. A project id can end in
# `grading`, and its tables are then named `…grading:dataset.table` in BigQuery's own messages.
_GUARD = re.compile(
    r"(?:Query error: |Query execution failed: |Invalid Input Error: )*grading:(?P<name>[a-z_]+)(?: at \[\d+:\d+\])?"
)
_CONFLICTS = ("aborted due to concurrent update", "could not serialize access")
# The words at which a message begins: a table can be named like a job.
_JOB_UNKNOWN = re.compile(
    r"not found: job\b|job not found\b|job \S+ (?:was )?not found\b|already exists: job\b", re.IGNORECASE
)
_PASSING = re.compile(
    r"too many dml statements outstanding|streaming buffer|retrying (?:the job )?may solve|exceeded rate limits|"
    r"\bquota exceeded\b|exceeded quota|internal error",
    re.IGNORECASE,
)
_TOO_BIG = re.compile(
    r"could not be executed in the allotted|not enough resources for query planning|query is too complex|too complex",
    re.IGNORECASE,
)
_INVALID = re.compile(
    r"syntax error|unrecognized name|no matching signature|function not found|type not found|column \S+ .*not found|"
    r"cannot query over table|cannot read and write in different locations|is not supported|are not supported",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"\b(?:table|dataset|project|view|model|routine)\b.*\bnot found\b|\bnot found: (?!job\b)", re.IGNORECASE
)

_REFUSED_REASONS = frozenset(
    {
        "attributeError",
        "billingTierLimitExceeded",
        "bytesBilledLimitExceeded",
        "duplicate",
        "invalid",
        "invalidQuery",
        "notImplemented",
        "required",
        "responseTooLarge",
    }
)
_PASSING_REASONS = frozenset(
    {
        "backendError",
        "badGateway",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "resourceInUse",
        "resourcesExceeded",
        "stopped",
        "tableUnavailable",
        "timeout",
    }
)
_PASSING_TYPES = (
    api.ServerError,
    api.TooManyRequests,
    api.RetryError,
    auth.GoogleAuthError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)
_REQUEST_TOO_LARGE = 413


def classify(error: Exception) -> GradingError:
    """The error of our tree that says whether a repeat can help.

    `GuardRaised` if the whole message is one of our own script guards; `PublishConflict` if another transaction met
    this one (https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency); `OutcomeUnknown` if the job
    is not found or exists already: it may still run. `NotInitialised` and `StatementRefused` are known to be
    permanent. What is left is `WarehouseUnavailable` if it is known to pass, and `UnknownFailure` if it is not known.
    Reasons are those of https://cloud.google.com/bigquery/docs/error-messages.
    """
    if isinstance(error, GradingError):
        return error
    text, reason = _text(error), reason_of(error)
    line = _first_line(text, error)
    if guard := _GUARD.fullmatch(line):
        return GuardRaised(guard["name"])
    if any(conflict in text.lower() for conflict in _CONFLICTS):
        return PublishConflict(line)
    if _JOB_UNKNOWN.match(text.strip()):
        return OutcomeUnknown(f"{line}: the job may still run")
    return _permanent(error, text, reason, line) or _passing(error, text, reason, line)


def plain_reason(error: GradingError) -> str:
    """What BigQuery said, without the address that was asked and without the advice that `classify` adds."""
    return _ADDRESS.sub("", str(error)).removesuffix(INIT_ADVICE).removesuffix(_ACCESS_ADVICE).strip()


def reason_of(error: Exception) -> str:
    """The reason that BigQuery gives, or an empty text."""
    details = getattr(error, "errors", None)
    return str(details[0].get("reason") or "") if details and isinstance(details[0], dict) else ""


def not_connected(error: Exception) -> bool:
    """Whether a request was surely not sent: no connection was made, or there was no token to send with it.

    A connection that breaks later proves nothing: the request may have arrived.
    """
    if isinstance(error, auth.GoogleAuthError):
        return True
    if isinstance(error, ConnectionRefusedError):
        return True
    if not isinstance(error, requests.exceptions.ConnectionError):
        return False
    cause = next(iter(error.args), None)
    if isinstance(cause, urllib3.exceptions.MaxRetryError):
        cause = cause.reason
    return isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError) or (
        isinstance(error, requests.exceptions.ConnectTimeout)
    )


def definitely_refused(error: Exception) -> bool:
    """Whether a request was answered, and not carried out: a status from 400 to 499.

    A timeout (408) and "exists already" (409) do not say so, and neither does a job that is not found.
    """
    if not isinstance(error, api.GoogleAPICallError) or isinstance(classify(error), OutcomeUnknown):
        return False
    code = int(error.code or 0)
    return 400 <= code < 500 and code not in (408, 409)


def _permanent(error: Exception, text: str, reason: str, line: str) -> GradingError | None:
    if isinstance(error, auth.GoogleAuthError) or _PASSING.search(text):
        return None
    if isinstance(error, api.NotFound) and (reason == "notFound" or _MISSING.search(line)):
        return NotInitialised(f"{line} {INIT_ADVICE}")
    return StatementRefused(line) if _refused(error, text, reason) else None


def _passing(error: Exception, text: str, reason: str, line: str) -> GradingError:
    if isinstance(error, auth.GoogleAuthError):
        return WarehouseUnavailable(f"no access token could be had: {line}")
    if reason == "resourcesExceeded" and not _PASSING.search(text):
        return ResourcesExceeded(line)
    if _PASSING.search(text) or reason in _PASSING_REASONS:
        return WarehouseUnavailable(line)
    if isinstance(error, api.Forbidden | api.Unauthorized):
        return AccessRefused(f"{line}{_ACCESS_ADVICE}")
    return (
        WarehouseUnavailable(line)
        if isinstance(error, _PASSING_TYPES)
        else UnknownFailure(f"{type(error).__name__}: {line}")
    )


def _refused(error: Exception, text: str, reason: str) -> bool:
    if getattr(error, "code", None) == _REQUEST_TOO_LARGE or reason in _REFUSED_REASONS:
        return True
    if reason == "resourcesExceeded":
        return bool(_TOO_BIG.search(text))
    return not reason and isinstance(error, api.BadRequest) and bool(_INVALID.search(text))


def _text(error: Exception) -> str:
    message = getattr(error, "message", None)
    text = _ADDRESS.sub("", message if isinstance(message, str) and message else str(error), count=1)
    return text.split(_DETAILS)[0]


def _first_line(text: str, error: Exception) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not line or line.startswith("<"):
        code = getattr(error, "code", None)
        return f"{type(error).__name__}{f' {int(code)}' if code else ''} without a text to read"
    return line[:500]
