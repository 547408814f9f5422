"""Every API call and command of a run, with the permission that it needs: what a dry run lists.

Permissions are those of https://cloud.google.com/bigquery/docs/access-control,
https://cloud.google.com/firestore/docs/security/iam, https://cloud.google.com/pubsub/docs/access-control and
https://cloud.google.com/functions/docs/reference/iam/permissions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Caller = Literal["you", "AS", "you and AS"]


@dataclass(frozen=True, slots=True)
class Call:
    """An API method or a command: who makes it, and what that one must be allowed to do."""

    what: str
    permission: str
    caller: Caller


_EDIT = "bigquery.tables.getData and updateData on the scratch datasets (granted by this run)"

CALLS: dict[str, Call] = {
    "token": Call(
        "iamcredentials generateAccessToken", "iam.serviceAccounts.getAccessToken on AS (only with AS)", "you"
    ),
    "datasets.list": Call("bigquery datasets.list", "none beyond a role in the project", "you"),
    "datasets.get": Call("bigquery datasets.get", "bigquery.datasets.get", "you"),
    "datasets.insert": Call("bigquery datasets.insert", "bigquery.datasets.create", "you"),
    "datasets.patch": Call("bigquery datasets.patch (grants AS)", "bigquery.datasets.update (only with AS)", "you"),
    "datasets.delete": Call("bigquery datasets.delete", "bigquery.datasets.delete, bigquery.tables.delete", "you"),
    "jobs.insert": Call("bigquery jobs.insert (query)", f"bigquery.jobs.create; {_EDIT}", "you and AS"),
    "jobs.insert dryRun": Call(
        "bigquery jobs.insert (query, dryRun)", "bigquery.jobs.create; bigquery.tables.getData", "AS"
    ),
    "jobs.insert copy": Call(
        "bigquery jobs.insert (copy: snapshot, restore)",
        "bigquery.jobs.create, bigquery.tables.createSnapshot, restoreSnapshot, create",
        "you",
    ),
    "jobs.get": Call("bigquery jobs.get", "none for own jobs", "you and AS"),
    "jobs.getQueryResults": Call("bigquery jobs.getQueryResults", "none for own jobs", "you and AS"),
    "jobs.cancel": Call("bigquery jobs.cancel", "none for own jobs", "AS"),
    "jobs.list": Call("bigquery jobs.list (children of a job)", "bigquery.jobs.list, bigquery.jobs.listAll", "you"),
    "tables.get": Call("bigquery tables.get", "bigquery.tables.get", "you and AS"),
    "tables.delete": Call("bigquery tables.delete", "bigquery.tables.delete", "you and AS"),
    "listCollectionIds": Call("firestore ListCollectionIds", "datastore.entities.list", "you"),
    "commit": Call("firestore Commit", "datastore.entities.create, update, delete", "you and AS"),
    "batchGet": Call("firestore BatchGetDocuments", "datastore.entities.get", "you and AS"),
    "listDocuments": Call("firestore ListDocuments", "datastore.entities.list", "you and AS"),
    "runQuery": Call("firestore RunQuery", "datastore.entities.list, datastore.entities.get", "you and AS"),
    "listen": Call("firestore Listen", "datastore.entities.get", "you and AS"),
    "gcloud topics": Call(
        "gcloud pubsub topics list, create, list-subscriptions, publish, delete",
        "pubsub.topics.create, pubsub.topics.publish, pubsub.topics.delete",
        "you",
    ),
    "gcloud subscriptions": Call(
        "gcloud pubsub subscriptions describe, update",
        "pubsub.subscriptions.get, pubsub.subscriptions.update, pubsub.topics.attachSubscription",
        "you",
    ),
    "gcloud deploy": Call(
        "gcloud functions list, deploy, add-invoker-policy-binding, delete",
        "cloudfunctions.functions.list, create, update, delete, sourceCodeSet; run.services.setIamPolicy; "
        "iam.serviceAccounts.actAs on AS",
        "you",
    ),
    "gcloud metrics": Call(
        "gcloud logging metrics describe, create, delete",
        "logging.logMetrics.get, logging.logMetrics.create, logging.logMetrics.delete",
        "you",
    ),
    "gcloud logging": Call("gcloud logging read", "logging.logEntries.list", "you"),
    "prometheus query": Call("monitoring prometheus/api/v1/query", "monitoring.timeSeries.list", "you"),
}

# What every run does, whatever it asserts: look, make, fill, grant, and clear away.
ALWAYS = (
    "token", "datasets.list", "datasets.get", "datasets.insert", "datasets.patch", "jobs.insert", "jobs.get",
    "jobs.getQueryResults", "jobs.insert dryRun", "tables.get", "listCollectionIds", "commit", "listDocuments",
    "datasets.delete",
)  # fmt: skip
