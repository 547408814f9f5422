"""Functions of the second generation, and the Cloud Run services and triggers that they stand on."""

from __future__ import annotations

from typing import Any

import iam
from command import Answer, Call, command
from refusal import EVENTARC_AGENT, GENERATIONS, TRAFFIC, Refused, absent, change_labels

INVOKER = "roles/run.invoker"
_INGRESS = {"all": "ALLOW_ALL", "internal-only": "ALLOW_INTERNAL_ONLY", "internal-and-gclb": "ALLOW_INTERNAL_AND_GCLB"}


@command("functions describe", "cloudfunctions")
def describe(call: Call) -> Answer:
    absent("Function", call.name, call.project["functions"])
    found: dict[str, Any] = call.project["functions"][call.name]
    return found


@command("functions delete", "cloudfunctions")
def delete(call: Call) -> Answer:
    absent("Function", call.name, call.project["functions"])
    del call.project["functions"][call.name]
    call.project["services"].pop(call.name, None)
    if trigger := call.project["triggers"].pop(call.name, None):
        call.project["subscriptions"].pop(trigger["subscription"], None)
    return None


@command("functions deploy", "cloudfunctions")
def deploy(call: Call) -> Answer:
    """Create or update. What no flag names keeps its value; traffic that is pinned stays where it is."""
    project, flags, name = call.project, call.flags, call.name
    found = project["functions"].get(name)
    if found and found["environment"] == "GEN_1":
        raise Refused("Function already exists in 1st gen, can't change the environment.", GENERATIONS)
    for flag in ("service-account", "trigger-service-account", "build-service-account"):
        if flags.get(flag):
            iam.known(call, f"serviceAccount:{flags[flag].rpartition('/')[2]}")
    absent("Topic", flags["trigger-topic"], project["topics"])
    function = found or {
        "environment": "GEN_2",
        "labels": {},
        "eventTrigger": {},
        "serviceConfig": {},
        "buildConfig": {},
    }
    project["functions"][name] = function
    change_labels(function, flags)
    _configure(call, function["serviceConfig"], function["buildConfig"])
    _add_revision(call, name, function["serviceConfig"])
    _set_trigger(call, name, function["eventTrigger"])
    if call.on("no-allow-unauthenticated"):
        policy = project["services"][name]["policy"]
        policy[:] = [entry for entry in policy if entry[0] != "allUsers"]
    return None


def _configure(call: Call, config: dict[str, Any], build: dict[str, Any]) -> None:
    """Apply the flags that set or clear a part of the service's or the build's configuration."""
    flags = call.flags
    for flag, key in (
        ("service-account", "serviceAccountEmail"),
        ("memory", "availableMemory"),
        ("vpc-connector", "vpcConnector"),
    ):
        if flag in flags:
            config[key] = flags[flag]
    if "ingress-settings" in flags:
        config["ingressSettings"] = _INGRESS[flags["ingress-settings"]]
    if "set-env-vars" in flags:
        config["environmentVariables"] = flags["set-env-vars"].removeprefix("^|^").split("|")
    for flag, where, key in (
        ("clear-secrets", config, "secretEnvironmentVariables"), ("clear-vpc-connector", config, "vpcConnector"),
        ("clear-build-env-vars", build, "environmentVariables"), ("clear-build-worker-pool", build, "workerPool"),
        ("clear-build-service-account", build, "serviceAccount"),
    ):  # fmt: skip
        if call.on(flag):
            where.pop(key, None)
    if "build-service-account" in flags:
        build["serviceAccount"] = flags["build-service-account"]


def _add_revision(call: Call, name: str, config: dict[str, Any]) -> None:
    service = call.project["services"].setdefault(
        name,
        {"revisions": [], "percent": {"LATEST": 100}, "tags": {}, "policy": [], "url": f"https://{name}-x.a.run.app"},
    )
    number = int(service["revisions"][-1]["name"].split("-")[-2]) + 1 if service["revisions"] else 1
    service["revisions"].append({"name": f"{name}-{number:05}-new", "config": {**config}, "code": "ours"})


def _set_trigger(call: Call, name: str, event: dict[str, Any]) -> None:
    project, flags = call.project, call.flags
    if name not in project["triggers"]:
        if "eventarc" not in project["identities"]:
            project["identities"].append("eventarc")
            raise Refused("Permission denied while using the Eventarc Service Agent.", EVENTARC_AGENT)
        if project["eventarc_wait"]:
            project["eventarc_wait"] -= 1
            raise Refused("Permission denied while using the Eventarc Service Agent.", EVENTARC_AGENT)
        subscription = f"eventarc-us-west2-{name}-sub"
        project["triggers"][name] = {"subscription": subscription}
        project["subscriptions"][subscription] = {
            "topic": flags["trigger-topic"], "policy": [], "labels": {}, "ackDeadlineSeconds": 10,
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"}, "messageRetentionDuration": "86400s",
            "expirationPolicy": {}, "deadLetterPolicy": None,
        }  # fmt: skip
    event |= {
        "trigger": f"projects/{project['id']}/locations/us-west2/triggers/{name}",
        "pubsubTopic": f"projects/{project['id']}/topics/{flags['trigger-topic']}",
        "serviceAccountEmail": flags.get("trigger-service-account") or flags.get("service-account"),
    }
    # Without --retry, retries are turned off: https://cloud.google.com/functions/docs/bestpractices/retries
    event["retryPolicy"] = "RETRY_POLICY_RETRY" if call.on("retry") else "RETRY_POLICY_DO_NOT_RETRY"


@command("eventarc triggers describe", "eventarc")
def trigger(call: Call) -> Answer:
    absent("Trigger", call.name, call.project["triggers"])
    subscription = call.project["triggers"][call.name]["subscription"]
    return {"transport": {"pubsub": {"subscription": f"projects/{call.project['id']}/subscriptions/{subscription}"}}}


def _service(call: Call) -> dict[str, Any]:
    absent("Service", call.name, call.project["services"])
    found: dict[str, Any] = call.project["services"][call.name]
    return found


def traffic(service: dict[str, Any]) -> list[dict[str, Any]]:
    """The service's status.traffic: a tag joins the share of its revision, a second tag stands alone."""
    newest = service["revisions"][-1]["name"]
    rows: list[dict[str, Any]] = []
    for target, percent in service["percent"].items():
        row = {"revisionName": newest if target == "LATEST" else target, "percent": percent}
        rows.append({**row, "latestRevision": True} if target == "LATEST" else row)
    for tag, revision in service["tags"].items():
        tagged = {"revisionName": revision, "tag": tag, "url": service["url"].replace("https://", f"https://{tag}---")}
        share = next(
            (
                row
                for row in rows
                if row["revisionName"] == revision and "tag" not in row and "latestRevision" not in row
            ),
            None,
        )
        if share:
            share |= tagged
        else:
            rows.append(tagged)
    return rows


@command("run services describe", "run")
def service(call: Call) -> Answer:
    found = _service(call)
    newest = found["revisions"][-1]["name"]
    return {
        "status": {
            "traffic": traffic(found), "url": found["url"],
            "latestCreatedRevisionName": newest, "latestReadyRevisionName": newest,
        }
    }  # fmt: skip


@command("run services update-traffic", "run")
def update_traffic(call: Call) -> Answer:
    found, names = _service(call), {each["name"] for each in _service(call)["revisions"]}
    shares = dict(pair.split("=") for pair in call.flags.get("to-revisions", "").split(",") if pair)
    tags = dict(pair.split("=") for pair in call.flags.get("update-tags", "").split(",") if pair)
    for revision in (*shares, *tags.values()):
        if revision not in names:
            raise Refused(f"Revision [{revision}] could not be found.", TRAFFIC)
    if shares:
        found["percent"] = {revision: int(percent) for revision, percent in shares.items()}
    if call.on("to-latest"):
        found["percent"] = {"LATEST": 100}
    found["tags"] |= tags
    for tag in filter(None, call.flags.get("remove-tags", "").split(",")):
        found["tags"].pop(tag, None)
    return None


@command("run services get-iam-policy", "run")
def policy(call: Call) -> Answer:
    return iam.shown(_service(call)["policy"])


@command("functions add-invoker-policy-binding", "cloudfunctions")
def allow(call: Call) -> Answer:
    return iam.bind(call, _service(call)["policy"], INVOKER)


@command("functions remove-invoker-policy-binding", "cloudfunctions")
def forbid(call: Call) -> Answer:
    return iam.unbind(call, _service(call)["policy"], INVOKER)


@command("run revisions describe", "run")
def revision(call: Call) -> Answer:
    every = [each for found in call.project["services"].values() for each in found["revisions"]]
    found = next((each for each in every if each["name"] == call.name), None)
    absent("Revision", call.name, [call.name] if found else [])
    assert found
    return {
        "metadata": {"name": found["name"]},
        "spec": {"serviceAccountName": found["config"].get("serviceAccountEmail", "")},
    }


def receive(project: dict[str, Any], job: dict[str, Any]) -> None:
    """A job's request arrives at a tagged address: note its status, as the request log does."""
    for found in project["services"].values():
        row = next((row for row in traffic(found) if row.get("url") == job["httpTarget"]["uri"]), None)
        if row is None:
            continue
        caller = [f"serviceAccount:{job['account']}", INVOKER]
        allowed = caller in found["policy"] and job["audience"] == found["url"]
        status = project["self_check"] if allowed else 403
        if allowed and project["cold"]:
            # A permission that was given a moment ago is not known at first.
            project["cold"] -= 1
            status = 403
        project["requests"].append({"revision": row["revisionName"], "status": status})
