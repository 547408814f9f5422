"""Service accounts, and who may do what on a resource."""

from __future__ import annotations

import re
from typing import Any

from command import Answer, Call, command
from refusal import ACCOUNT, BINDING, CONDITIONS, PROPAGATION, Refused, absent, exists

# Google's own accounts, and those of people, are not among the project's service accounts.
_AGENT = re.compile(r"serviceAccount:(service-\d+@gcp-sa-[\w-]+|\d+-compute@developer)\.")


def known(call: Call, member: str) -> None:
    """Refuse a member that IAM does not know; one created a moment ago is not known at first."""
    if _AGENT.match(member) or not member.startswith("serviceAccount:"):
        return
    email = member.removeprefix("serviceAccount:")
    account = call.project["accounts"].get(email)
    if account is None:
        raise Refused(f"INVALID_ARGUMENT: Service account {email} does not exist.", BINDING)
    if account.get("unknown"):
        account["unknown"] -= 1
        raise Refused(f"INVALID_ARGUMENT: Service account {email} does not exist.", PROPAGATION)


def bind(call: Call, policy: list[Any], default_role: str = "") -> Answer:
    """Add `member` and `role` of the flags to a policy, once."""
    member, role = call.flags["member"], call.flags.get("role", default_role)
    known(call, member)
    if [member, role] not in policy:
        policy.append([member, role])
    return {}


def unbind(call: Call, policy: list[Any], default_role: str = "") -> Answer:
    """Take a binding away; one that is not there is refused."""
    entry = [call.flags["member"], call.flags.get("role", default_role)]
    if entry not in policy:
        raise Refused("Policy binding with the specified principal, role, and condition not found!", BINDING)
    policy.remove(entry)
    return {}


def shown(policy: list[Any]) -> Answer:
    """A policy as get-iam-policy gives it."""
    bindings: dict[tuple[str, str], dict[str, Any]] = {}
    for member, role, *title in policy:
        binding = bindings.setdefault((role, "".join(title)), {"role": role, "members": []})
        if title and title[0]:
            binding["condition"] = {"title": title[0]}
        binding["members"].append(member)
    return {"bindings": list(bindings.values())}


@command("iam service-accounts list", "iam")
def list_accounts(call: Call) -> Answer:
    return [{"email": email, **account} for email, account in call.project["accounts"].items()]


@command("iam service-accounts create", "iam")
def create_account(call: Call) -> Answer:
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", call.name) or len(call.flags.get("description", "")) > 256:
        raise Refused(f"INVALID_ARGUMENT: {call.name}", ACCOUNT)
    email = f"{call.name}@{call.project['id']}.iam.gserviceaccount.com"
    exists("Service account", email, call.project["accounts"])
    call.project["accounts"][email] = {"description": call.flags.get("description", ""), "unknown": 1}
    return None


@command("iam service-accounts delete", "iam")
def delete_account(call: Call) -> Answer:
    absent("Service account", call.words[0], call.project["accounts"])
    del call.project["accounts"][call.words[0]]
    return None


@command("projects get-iam-policy")
def project_policy(call: Call) -> Answer:
    return shown(call.project["policy"])


def _entry(call: Call) -> list[str]:
    condition = call.flags.get("condition")
    if condition is None and any(title for _, _, title in call.project["policy"]):
        raise Refused(
            "Adding a binding without specifying a condition to a policy containing conditions is prohibited in "
            "non-interactive mode.",
            CONDITIONS,
        )
    title = "" if condition in (None, "None") else str(condition).rpartition("title=")[2]
    return [call.flags["member"], call.flags["role"], title]


@command("projects add-iam-policy-binding")
def add_project_binding(call: Call) -> Answer:
    known(call, call.flags["member"])
    entry = _entry(call)
    if entry not in call.project["policy"]:
        call.project["policy"].append(entry)
    return {}


@command("projects remove-iam-policy-binding")
def remove_project_binding(call: Call) -> Answer:
    entry = _entry(call)
    if entry not in call.project["policy"]:
        raise Refused("Policy binding with the specified principal, role, and condition not found!", BINDING)
    call.project["policy"].remove(entry)
    return {}
