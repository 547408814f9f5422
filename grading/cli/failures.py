"""What went wrong, for a person: one line, and the command that mends it. No traceback, unless `--debug` is given.

The errors of a first contact (no login, no project, no API, no network, the wrong location, no tables) are known by
what Google's libraries raise:

- no credentials: https://googleapis.dev/python/google-auth/latest/reference/google.auth.exceptions.html
- an API that is off answers 403 with the reason SERVICE_DISABLED:
  https://cloud.google.com/apis/docs/troubleshooting
- a dataset in another location answers 404 "was not found in location":
  https://cloud.google.com/bigquery/docs/locations
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests.exceptions
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from foundation.commands import INIT
from foundation.errors import GradingError, InvalidSettings, NotInitialised
from grading.settings import Settings
from grading.wiring import Application

_LOGIN = "gcloud auth application-default login"
_DISABLED = re.compile(
    r"SERVICE_DISABLED|accessNotConfigured|has not been used in project|API .{0,40}disabled", re.IGNORECASE
)
_SERVICE = re.compile(r"\b([a-z]+\.googleapis\.com)\b")
_LOCATION = re.compile(r"was not found in location|is not available in location|different location", re.IGNORECASE)
_NETWORK = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    auth.TransportError,
    api.ServiceUnavailable,
    api.RetryError,
    api.DeadlineExceeded,
    ConnectionError,
    TimeoutError,
)
_NO_PROJECT = re.compile(r"not found: project\b|project .{0,80}(not found|does not exist)", re.IGNORECASE)
_COMMAND = re.compile(r"`(python -m grading [^`]+)`")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """One line, and what to type; empty if there is no command that mends it."""

    line: str
    command: str = ""


def check_contact(application: Application) -> None:
    """Look whether BigQuery answers, as this login, and whether our tables are where they should be: one call.

    Raises:
        InvalidSettings: the tables lie in another location than BIGQUERY_LOCATION.
        GradingError: as `Warehouse.location` raises; `explain` says what to do.
    """
    settings = application.settings
    path = settings.target("grading_runs")
    found = application.warehouse.location(path)
    if found and found.upper() != settings.bigquery_location.upper():
        raise WrongLocation(f"{path} lies in {found}, and BIGQUERY_LOCATION is {settings.bigquery_location}", found)


class WrongLocation(InvalidSettings):
    """BIGQUERY_LOCATION is not where the tables are."""

    def __init__(self, message: str, found: str) -> None:
        super().__init__(message)
        self.found = found


def explain(error: BaseException, settings: Settings | None = None) -> Failure:
    """The line and the command for an error, whatever it is."""
    chain = list(_chain(error))
    text = " ".join(str(link) for link in chain)
    project = settings.google_cloud_project if settings else "PROJECT"
    if found := _known(chain, text, project, settings):
        return found
    if isinstance(error, GradingError):
        named = _COMMAND.search(text)
        return Failure(_line(str(error)), named[1] if named else "")
    return Failure(f"unexpected {type(error).__name__}: {_line(str(error))} (--debug shows where it came from)")


def _known(chain: list[BaseException], text: str, project: str, settings: Settings | None) -> Failure | None:
    """The failures of a first contact."""
    if isinstance(chain[0], WrongLocation):
        return Failure(_line(str(chain[0])), f"export BIGQUERY_LOCATION={chain[0].found}")
    if isinstance(chain[0], InvalidSettings) and "GOOGLE_CLOUD_PROJECT is not set" in text:
        return Failure(_line(text), "export GOOGLE_CLOUD_PROJECT=my-project")
    if any(isinstance(link, auth.DefaultCredentialsError) for link in chain):
        return Failure("there is no Google login on this machine", _LOGIN)
    if any(isinstance(link, auth.RefreshError) for link in chain) or "Reauthentication is needed" in text:
        return Failure("the Google login has expired or was revoked", _LOGIN)
    if _DISABLED.search(text):
        service = _SERVICE.search(text)
        name = service[1] if service else "bigquery.googleapis.com"
        return Failure(f"the API {name} is not enabled in the project {project}",
                       f"gcloud services enable {name} --project={project}")  # fmt: skip
    if _LOCATION.search(text):
        location, dataset = (settings.bigquery_location, settings.target_dataset) if settings else ("US", "DATASET")
        line = f"a dataset is not in BIGQUERY_LOCATION={location}: look where it is, and set that"
        return Failure(line, f"bq show --format=prettyjson {project}:{dataset}")
    if "database" in text and "does not exist" in text:
        return Failure(f"the project {project} has no Firestore database, which holds the locks",
                       f"gcloud firestore databases create --location=nam5 --project={project}")  # fmt: skip
    return _refused_or_absent(chain, text, project, settings)


def _refused_or_absent(
    chain: list[BaseException], text: str, project: str, settings: Settings | None
) -> Failure | None:
    if any(isinstance(link, api.Forbidden | api.Unauthorized) for link in chain):
        return Failure(f"the login may not do this in {project}: {_line(_said(chain))}",
                       f"gcloud projects get-iam-policy {project}")  # fmt: skip
    if any(isinstance(link, _NETWORK) for link in chain):
        if settings and settings.bigquery_api_endpoint:
            return Failure(f"the emulator at {settings.bigquery_api_endpoint} does not answer", "make stack")
        return Failure("Google's services cannot be reached from here: is there a network?",
                       "gcloud info --run-diagnostics")  # fmt: skip
    if any(isinstance(link, api.NotFound) for link in chain) and _NO_PROJECT.search(text):
        return Failure(f"there is no project {project}, or the login cannot see it", "gcloud projects list")
    if isinstance(chain[0], NotInitialised) and "grading_runs" in text:
        return Failure("the service's tables are not there yet", INIT)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _said(chain: list[BaseException]) -> str:
    return next((str(link) for link in chain if isinstance(link, api.GoogleAPICallError)), str(chain[0]))


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST] or "no message"
