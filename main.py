"""The Cloud Function: a Pub/Sub CloudEvent in, acknowledged by returning, redelivered by raising."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from grading.wiring import application_from_environment


@functions_framework.cloud_event
def handle_event(event: CloudEvent) -> None:
    """Entry point. See `grading.handler.EventHandler.handle` for what is acknowledged and what is raised."""
    handler = application_from_environment().handler
    handler.handle(event.data, event_id=str(event["id"]), event_time=str(event.get("time") or ""))
