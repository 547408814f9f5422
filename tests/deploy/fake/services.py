"""Login, project, APIs, Firestore, secrets."""

from __future__ import annotations

import iam
from command import Answer, Call, command
from refusal import ABSENT, API_DISABLED, Refused, absent, change_labels, exists


@command("auth list")
def accounts(call: Call) -> Answer:
    return [{"account": "me@example.com", "status": "ACTIVE"}]


@command("auth application-default print-access-token")
def token(call: Call) -> Answer:
    return "token"


@command("config get-value")
def configured(call: Call) -> Answer:
    return str(call.project["id"])


@command("projects describe")
def project(call: Call) -> Answer:
    if call.words[0] != call.project["id"]:
        raise Refused(f"NOT_FOUND: project {call.words[0]}", ABSENT)
    return {"projectId": call.project["id"], "projectNumber": call.project["number"]}


@command("billing projects describe")
def billing(call: Call) -> Answer:
    return {"billingEnabled": True}


@command("services list")
def services(call: Call) -> Answer:
    return [{"config": {"name": f"{api}.googleapis.com"}} for api in call.project["apis"]]


@command("services enable")
def enable(call: Call) -> Answer:
    apis = {word.removesuffix(".googleapis.com") for word in call.words}
    call.project["apis"] = sorted({*call.project["apis"], *apis})
    return None


@command("services identity create")
def identity(call: Call) -> Answer:
    api = call.flags["service"].removesuffix(".googleapis.com")
    if api not in call.project["apis"]:
        raise Refused(f"SERVICE_DISABLED: {api}", API_DISABLED)
    if api not in call.project["identities"]:
        call.project["identities"].append(api)
    return None


@command("firestore databases describe", "firestore")
def database(call: Call) -> Answer:
    absent("database", call.flags["database"], call.project["databases"])
    return {"type": call.project["databases"][call.flags["database"]]}


@command("firestore databases create", "firestore")
def create_database(call: Call) -> Answer:
    exists("database", call.flags["database"], call.project["databases"])
    call.project["databases"][call.flags["database"]] = "FIRESTORE_NATIVE"
    return None


@command("firestore fields ttls list", "firestore")
def ttls(call: Call) -> Answer:
    absent("database", "(default)", call.project["databases"])
    root = f"projects/{call.project['id']}/databases/(default)/collectionGroups"
    return [{"name": f"{root}/{group}/fields/expires_at"} for group in call.project["ttls"]]


@command("firestore fields ttls update", "firestore")
def update_ttl(call: Call) -> Answer:
    absent("database", "(default)", call.project["databases"])
    call.project["ttls"] = sorted({*call.project["ttls"], call.flags["collection-group"]})
    return None


@command("secrets list", "secretmanager")
def secrets(call: Call) -> Answer:
    root = f"projects/{call.project['number']}/secrets"
    return [{"name": f"{root}/{name}", "labels": each["labels"]} for name, each in call.project["secrets"].items()]


@command("secrets create", "secretmanager")
def create_secret(call: Call) -> Answer:
    exists("Secret", call.name, call.project["secrets"])
    secret = {"versions": [], "policy": []}
    change_labels(secret, call.flags)
    call.project["secrets"][call.name] = secret
    return None


@command("secrets delete", "secretmanager")
def delete_secret(call: Call) -> Answer:
    absent("Secret", call.name, call.project["secrets"])
    del call.project["secrets"][call.name]
    return None


@command("secrets versions list", "secretmanager")
def versions(call: Call) -> Answer:
    absent("Secret", call.name, call.project["secrets"])
    found = call.project["secrets"][call.name]["versions"]
    return [{"name": str(number), "state": "ENABLED"} for number in range(1, len(found) + 1)]


@command("secrets versions add", "secretmanager")
def add_version(call: Call) -> Answer:
    absent("Secret", call.name, call.project["secrets"])
    call.project["secrets"][call.name]["versions"].append(call.stdin)
    return None


@command("secrets get-iam-policy", "secretmanager")
def secret_policy(call: Call) -> Answer:
    absent("Secret", call.name, call.project["secrets"])
    return iam.shown(call.project["secrets"][call.name]["policy"])


@command("secrets add-iam-policy-binding", "secretmanager")
def bind_secret(call: Call) -> Answer:
    absent("Secret", call.name, call.project["secrets"])
    return iam.bind(call, call.project["secrets"][call.name]["policy"])


@command("secrets remove-iam-policy-binding", "secretmanager")
def unbind_secret(call: Call) -> Answer:
    absent("Secret", call.name, call.project["secrets"])
    return iam.unbind(call, call.project["secrets"][call.name]["policy"])
