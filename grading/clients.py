"""The connections to what lies outside the process: BigQuery, the lock store, Slack, metrics, Pub/Sub.

Each is imported where it is built: an invocation that needs no secret, metric or Firestore does not pay for
loading it. Part of the wiring; nothing else makes a client.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from alerts.alert import Notifier
from foundation.clock import AlertTime, Clock
from foundation.events import EventLog
from grading.settings import Settings
from locking.store import DocumentStore
from monitoring.metrics_sink import LogMetricWriter, MetricWriter

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.monitoring_v3 import MetricServiceClient
    from google.cloud.pubsub_v1 import PublisherClient
    from google.cloud.secretmanager import SecretManagerServiceClient


def bigquery_client(settings: Settings) -> bigquery.Client:
    """Google's client; anonymous if an endpoint of an emulator is set."""
    from google.cloud import bigquery

    project, location = settings.google_cloud_project, settings.bigquery_location
    if not settings.bigquery_api_endpoint:
        return bigquery.Client(project=project, location=location)
    from google.auth.credentials import AnonymousCredentials

    return bigquery.Client(
        project=project,
        location=location,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": settings.bigquery_api_endpoint},
    )


def lock_store(settings: Settings) -> DocumentStore:
    """Firestore, or one machine's SQLite file."""
    if settings.lock_store == "sqlite":
        from locking.sqlite_store import SQLiteLockStore

        return SQLiteLockStore(settings.lock_path)
    from google.cloud import firestore

    from locking.firestore.store import FirestoreLockStore

    return FirestoreLockStore(firestore.Client(project=settings.google_cloud_project))


def notifier(settings: Settings, events: EventLog, clock: Clock, alert_time: AlertTime | None = None) -> Notifier:
    """Slack, by the address in the settings or in Secret Manager; beside an emulator without address, the log."""
    import requests

    from alerts.slack import LogNotifier, SlackNotifier
    from alerts.webhook import FixedWebhook, WebhookSource

    webhook: WebhookSource
    if settings.slack_webhook_url:
        webhook = FixedWebhook(settings.slack_webhook_url)
    elif settings.bigquery_api_endpoint:
        return LogNotifier(events, environment=settings.environment)
    else:
        from alerts.secret import webhook_url_from_secret

        webhook = webhook_url_from_secret(
            _secret_client, settings.google_cloud_project, settings.slack_secret_id, clock=clock
        )
    return SlackNotifier(
        webhook,
        requests.Session(),
        events,
        clock,
        environment=settings.environment,
        runbook_url=settings.runbook_url,
        time_left=alert_time,
    )


def metric_writer(settings: Settings, log: EventLog, clock: Clock) -> MetricWriter:
    """Cloud Monitoring if it is switched on, the log otherwise."""
    if not settings.publish_metrics:
        return LogMetricWriter(log)
    from monitoring.cloud_monitoring import CloudMonitoringWriter

    return CloudMonitoringWriter(
        _metric_client,
        settings.google_cloud_project,
        location=settings.function_region,
        namespace=settings.environment,
        job=settings.function_name,
        clock=clock,
    )


@cache
def pubsub_publisher() -> PublisherClient:
    """One publisher a process: it owns threads."""
    from google.cloud.pubsub_v1 import PublisherClient

    return PublisherClient()


def _secret_client() -> SecretManagerServiceClient:
    from google.cloud.secretmanager import SecretManagerServiceClient

    return SecretManagerServiceClient()


def _metric_client() -> MetricServiceClient:
    from google.cloud.monitoring_v3 import MetricServiceClient

    return MetricServiceClient()
