"""Scheduler jobs; running one sends its request."""

from __future__ import annotations

from typing import Any

import functions
from command import Answer, Call, command
from refusal import JOB, PAUSE, RESUME, Refused, absent, exists


def _named(call: Call, name: str) -> dict[str, Any]:
    return {"name": f"projects/{call.project['id']}/locations/us-west2/jobs/{name}", **call.project["jobs"][name]}


@command("scheduler jobs list", "cloudscheduler")
def jobs(call: Call) -> Answer:
    return [_named(call, name) for name in call.project["jobs"]]


@command("scheduler jobs describe", "cloudscheduler")
def job(call: Call) -> Answer:
    absent("Job", call.name, call.project["jobs"])
    return _named(call, call.name)


def _configure(call: Call, body: dict[str, Any]) -> None:
    flags = call.flags
    if len(flags.get("description", "")) > 500:
        raise Refused("INVALID_ARGUMENT: description", JOB)
    headers = flags.get("headers") or flags.get("update-headers") or ""
    body |= {
        "schedule": flags["schedule"],
        "description": flags.get("description", ""),
        "httpTarget": {
            "uri": flags["uri"],
            "body": flags["message-body"],
            "headers": dict(pair.split("=", 1) for pair in headers.split(",")),
        },
        "account": flags.get("oauth-service-account-email") or flags.get("oidc-service-account-email"),
        "audience": flags.get("oidc-token-audience", ""),
    }
    if body["account"] not in call.project["accounts"]:
        raise Refused(f"INVALID_ARGUMENT: {body['account']} does not exist", JOB)


@command("scheduler jobs create http", "cloudscheduler")
def create(call: Call) -> Answer:
    exists("Job", call.name, call.project["jobs"])
    body: dict[str, Any] = {"state": "ENABLED"}
    _configure(call, body)
    call.project["jobs"][call.name] = body
    return None


@command("scheduler jobs update http", "cloudscheduler")
def update(call: Call) -> Answer:
    absent("Job", call.name, call.project["jobs"])
    _configure(call, call.project["jobs"][call.name])
    return None


@command("scheduler jobs delete", "cloudscheduler")
def delete(call: Call) -> Answer:
    absent("Job", call.name, call.project["jobs"])
    del call.project["jobs"][call.name]
    return None


@command("scheduler jobs pause", "cloudscheduler")
def pause(call: Call) -> Answer:
    _move(call, "ENABLED", "PAUSED", PAUSE)
    return None


@command("scheduler jobs resume", "cloudscheduler")
def resume(call: Call) -> Answer:
    _move(call, "PAUSED", "ENABLED", RESUME)
    return None


def _move(call: Call, before: str, after: str, page: str) -> None:
    absent("Job", call.name, call.project["jobs"])
    found = call.project["jobs"][call.name]
    if found["state"] != before:
        raise Refused(f"FAILED_PRECONDITION: the job is not {before}", page)
    found["state"] = after


@command("scheduler jobs run", "cloudscheduler")
def run(call: Call) -> Answer:
    absent("Job", call.name, call.project["jobs"])
    functions.receive(call.project, call.project["jobs"][call.name])
    return None
