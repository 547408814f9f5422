"""The Cloud Function: a Pub/Sub CloudEvent in, acknowledged by returning, redelivered by raising."""

from __future__ import annotations

from functools import cache

import flask
import functions_framework
from cloudevents.http import CloudEvent
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from foundation.clock import SystemClock
from foundation.errors import InvalidSettings, SelfCheckFailed
from foundation.events import Event, carrying
from grading.pubsub.trace_context import trace_fields
from grading.wiring import Application, application_from_environment, stop_with_sigterm
from monitoring.log_sink import JsonLogSink


@cache
def _application() -> Application:
    """The application of this process; SIGTERM ends its work in time."""
    application = application_from_environment()
    stop_with_sigterm(application)
    return application


@functions_framework.cloud_event
def handle_event(event: CloudEvent) -> None:
    """Entry point. See `grading.pubsub.handler.EventHandler.handle` for what is acknowledged and what is raised.

    A self check that fails, or a setting that is wrong, is answered with 500 and one line that says why. Cloud Run
    itself answers 503 for an instance that is not there yet, which deploy.sh waits for: so it is not 503.
    """
    try:
        _handle(event)
    except (InvalidSettings, SelfCheckFailed) as failed:
        # Whoever deploys reads the reason in the answer, and deploy.sh in this line; a traceback would hide it.
        JsonLogSink(SystemClock()).record(Event("not_ready", "ERROR", str(failed), {}))
        raise HTTPException(response=Response(f"{failed}\n", status=500, mimetype="text/plain")) from failed


def _handle(event: CloudEvent) -> None:
    application = _application()
    header = flask.request.headers.get("traceparent") if flask.has_request_context() else None
    project = application.settings.google_cloud_project
    with carrying(**trace_fields(event.data, (event.get("traceparent"), header), project)):
        application.handler.handle(event.data, event_id=str(event["id"]), event_time=str(event.get("time") or ""))
