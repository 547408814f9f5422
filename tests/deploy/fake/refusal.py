"""What the real services refuse, each with the page that says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

EXISTS = "https://google.aip.dev/133"
ABSENT = "https://google.aip.dev/131"
LABELS = "https://cloud.google.com/resource-manager/docs/labels-overview#requirements"
API_DISABLED = "https://cloud.google.com/service-usage/docs/enable-disable"
PROPAGATION = "https://cloud.google.com/iam/docs/access-change-propagation"
CONDITIONS = "https://cloud.google.com/sdk/gcloud/reference/projects/add-iam-policy-binding"
BINDING = "https://cloud.google.com/sdk/gcloud/reference/projects/remove-iam-policy-binding"
ACCOUNT = "https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create"
EVENTARC_AGENT = "https://cloud.google.com/eventarc/docs/troubleshooting"
GENERATIONS = "https://cloud.google.com/functions/docs/concepts/version-comparison"
TRAFFIC = "https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration"
SUBSCRIPTION = "https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions"
PAUSE = "https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs/pause"
RESUME = "https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs/resume"
JOB = "https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs"
ETAG = "https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards/patch"
LOCATIONS = "https://cloud.google.com/bigquery/docs/locations"
BQ = "https://cloud.google.com/bigquery/docs/reference/bq-cli-reference"
GRANT = "https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language"


class Refused(Exception):
    """The command fails.

    Args:
        text: what the real one says.
        page: the public page that documents it.
    """

    def __init__(self, text: str, page: str) -> None:
        super().__init__(f"{text}\n[documented: {page}]")


def exists(kind: str, name: str, where: Iterable[str]) -> None:
    """Refuse to create what is there."""
    if name in where:
        raise Refused(f"ALREADY_EXISTS: {kind} {name} already exists", EXISTS)


def absent(kind: str, name: str, where: Iterable[str]) -> None:
    """Refuse to read or change what is not there."""
    if name not in where:
        raise Refused(f"NOT_FOUND: {kind} {name} was not found", ABSENT)


def labels(given: str | None) -> dict[str, str]:
    """Labels of a flag; refused if a key or value is none."""
    found = dict(pair.split("=", 1) for pair in given.split(",")) if given else {}
    for key, value in found.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
            raise Refused(f"INVALID_ARGUMENT: label {key}={value}", LABELS)
    if len(found) > 64:
        raise Refused("INVALID_ARGUMENT: more than 64 labels", LABELS)
    return found


def change_labels(resource: dict[str, object], flags: Mapping[str, str]) -> None:
    """Apply --labels, --update-labels and --remove-labels."""
    kept = dict(resource.get("labels") or {})  # type: ignore[call-overload]
    for key in filter(None, flags.get("remove-labels", "").split(",")):
        kept.pop(key, None)
    kept.update(labels(flags.get("labels") or flags.get("update-labels")))
    if len(kept) > 64:
        raise Refused("INVALID_ARGUMENT: more than 64 labels", LABELS)
    resource["labels"] = kept
