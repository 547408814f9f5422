"""Log-based metrics, alert policies, dashboards, and log entries."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from command import Answer, Call, command
from refusal import ETAG, Refused, absent, exists


def _config(call: Call, flag: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path(call.flags[flag]).read_text())
    return read


@command("logging metrics list", "logging")
def metrics(call: Call) -> Answer:
    return [{"name": name, "description": text} for name, text in call.project["metrics"].items()]


@command("logging metrics create", "logging")
def create_metric(call: Call) -> Answer:
    exists("Metric", call.name, call.project["metrics"])
    call.project["metrics"][call.name] = _config(call, "config-from-file")["description"]
    return None


@command("logging metrics update", "logging")
def update_metric(call: Call) -> Answer:
    absent("Metric", call.name, call.project["metrics"])
    call.project["metrics"][call.name] = _config(call, "config-from-file")["description"]
    return None


@command("logging metrics delete", "logging")
def delete_metric(call: Call) -> Answer:
    absent("Metric", call.name, call.project["metrics"])
    del call.project["metrics"][call.name]
    return None


@command("logging read", "logging")
def read(call: Call) -> Answer:
    """Request entries of the revision that the filter names, newest first; no error entries."""
    revision = re.search(r'revision_name="([^"]+)"', call.words[0])
    if "requests" not in call.words[0]:
        return []
    found = [each for each in call.project["requests"] if revision and each["revision"] == revision[1]]
    return [{"httpRequest": {"status": each["status"]}} for each in reversed(found)]


@command("monitoring policies list", "monitoring")
def policies(call: Call) -> Answer:
    return [
        {"name": f"projects/{call.project['id']}/alertPolicies/{key}", "userLabels": each["userLabels"]}
        for key, each in call.project["policies"].items()
    ]


@command("monitoring policies create", "monitoring")
def create_policy(call: Call) -> Answer:
    config = _config(call, "policy-from-file")
    call.project["policies"][_next(call)] = {
        "userLabels": config["userLabels"],
        "channels": call.flags.get("notification-channels", ""),
    }
    return None


@command("monitoring policies update", "monitoring")
def update_policy(call: Call) -> Answer:
    absent("AlertPolicy", call.name, call.project["policies"])
    policy = call.project["policies"][call.name]
    policy["userLabels"] = _config(call, "policy-from-file")["userLabels"]
    policy["channels"] = call.flags.get("set-notification-channels", policy["channels"])
    return None


@command("monitoring policies delete", "monitoring")
def delete_policy(call: Call) -> Answer:
    absent("AlertPolicy", call.name, call.project["policies"])
    del call.project["policies"][call.name]
    return None


def _next(call: Call) -> str:
    call.project["serial"] += 1
    return str(call.project["serial"])


@command("monitoring dashboards list", "monitoring")
def dashboards(call: Call) -> Answer:
    return [
        {"name": f"projects/{call.project['id']}/dashboards/{key}", **each}
        for key, each in call.project["dashboards"].items()
    ]


@command("monitoring dashboards create", "monitoring")
def create_dashboard(call: Call) -> Answer:
    config = _config(call, "config-from-file")
    key = _next(call)
    call.project["dashboards"][key] = {
        "displayName": config["displayName"],
        "labels": config.get("labels", {}),
        "etag": f"e{key}",
    }
    return None


@command("monitoring dashboards update", "monitoring")
def update_dashboard(call: Call) -> Answer:
    absent("Dashboard", call.name, call.project["dashboards"])
    found = call.project["dashboards"][call.name]
    if _config(call, "config-from-file").get("etag") != found["etag"]:
        raise Refused("ABORTED: the etag is not that of the dashboard", ETAG)
    found["etag"] = f"e{_next(call)}"
    return None


@command("monitoring dashboards delete", "monitoring")
def delete_dashboard(call: Call) -> Answer:
    absent("Dashboard", call.name, call.project["dashboards"])
    del call.project["dashboards"][call.name]
    return None
