"""Topics and subscriptions."""

from __future__ import annotations

import re
from typing import Any

import iam
from command import Answer, Call, command
from refusal import SUBSCRIPTION, Refused, absent, change_labels, exists


def _resource(call: Call, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"projects/{call.project['id']}/{kind}/{name}", **body}


@command("pubsub topics list", "pubsub")
def topics(call: Call) -> Answer:
    return [_resource(call, "topics", name, each) for name, each in call.project["topics"].items()]


@command("pubsub topics describe", "pubsub")
def topic(call: Call) -> Answer:
    absent("Topic", call.name, call.project["topics"])
    return _resource(call, "topics", call.name, call.project["topics"][call.name])


@command("pubsub topics create", "pubsub")
def create_topic(call: Call) -> Answer:
    exists("Topic", call.name, call.project["topics"])
    created: dict[str, Any] = {"policy": []}
    change_labels(created, call.flags)
    call.project["topics"][call.name] = created
    return None


@command("pubsub topics update", "pubsub")
def update_topic(call: Call) -> Answer:
    absent("Topic", call.name, call.project["topics"])
    change_labels(call.project["topics"][call.name], call.flags)
    return None


@command("pubsub topics delete", "pubsub")
def delete_topic(call: Call) -> Answer:
    absent("Topic", call.name, call.project["topics"])
    del call.project["topics"][call.name]
    return None


@command("pubsub topics get-iam-policy", "pubsub")
def topic_policy(call: Call) -> Answer:
    absent("Topic", call.name, call.project["topics"])
    return iam.shown(call.project["topics"][call.name]["policy"])


@command("pubsub topics add-iam-policy-binding", "pubsub")
def bind_topic(call: Call) -> Answer:
    absent("Topic", call.name, call.project["topics"])
    return iam.bind(call, call.project["topics"][call.name]["policy"])


@command("pubsub topics remove-iam-policy-binding", "pubsub")
def unbind_topic(call: Call) -> Answer:
    absent("Topic", call.name, call.project["topics"])
    return iam.unbind(call, call.project["topics"][call.name]["policy"])


@command("pubsub subscriptions list", "pubsub")
def subscriptions(call: Call) -> Answer:
    return [_resource(call, "subscriptions", name, each) for name, each in call.project["subscriptions"].items()]


@command("pubsub subscriptions describe", "pubsub")
def subscription(call: Call) -> Answer:
    absent("Subscription", call.name, call.project["subscriptions"])
    return _resource(call, "subscriptions", call.name, call.project["subscriptions"][call.name])


def seconds(text: str) -> int:
    """A duration of a flag, as `7d` or `60s`, in seconds."""
    number, unit = re.fullmatch(r"(\d+)([smhd]?)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


def _configure(call: Call, body: dict[str, Any]) -> None:
    """Apply the flags of create and update, within the limits of the API."""
    flags = call.flags
    if (deadline := flags.get("ack-deadline")) is not None:
        _within("ackDeadlineSeconds", int(deadline), 10, 600)
        body["ackDeadlineSeconds"] = int(deadline)
    for flag, key in (("min-retry-delay", "minimumBackoff"), ("max-retry-delay", "maximumBackoff")):
        if flag in flags:
            _within(key, seconds(flags[flag]), 0, 600)
            body["retryPolicy"] = {**(body.get("retryPolicy") or {}), key: f"{seconds(flags[flag])}s"}
    if call.on("clear-retry-policy"):
        body["retryPolicy"] = None
    if (retention := flags.get("message-retention-duration")) is not None:
        _within("messageRetentionDuration", seconds(retention), 600, 31 * 86400)
        body["messageRetentionDuration"] = f"{seconds(retention)}s"
    if (period := flags.get("expiration-period")) is not None:
        body["expirationPolicy"] = {} if period == "never" else {"ttl": f"{seconds(period)}s"}
    if call.on("clear-dead-letter-policy"):
        body["deadLetterPolicy"] = None
    if (letters := flags.get("dead-letter-topic")) is not None:
        absent("Topic", letters.rpartition("/")[2], call.project["topics"])
        attempts = int(flags.get("max-delivery-attempts") or 5)
        _within("maxDeliveryAttempts", attempts, 5, 100)
        body["deadLetterPolicy"] = {"deadLetterTopic": letters, "maxDeliveryAttempts": attempts}
    change_labels(body, flags)


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Refused(f"INVALID_ARGUMENT: {name}={value}: must be within {low} and {high}", SUBSCRIPTION)


@command("pubsub subscriptions create", "pubsub")
def create_subscription(call: Call) -> Answer:
    exists("Subscription", call.name, call.project["subscriptions"])
    absent("Topic", call.flags["topic"].rpartition("/")[2], call.project["topics"])
    body: dict[str, Any] = {"topic": call.flags["topic"], "policy": []}
    _configure(call, body)
    call.project["subscriptions"][call.name] = body
    return None


@command("pubsub subscriptions update", "pubsub")
def update_subscription(call: Call) -> Answer:
    absent("Subscription", call.name, call.project["subscriptions"])
    _configure(call, call.project["subscriptions"][call.name])
    return None


@command("pubsub subscriptions delete", "pubsub")
def delete_subscription(call: Call) -> Answer:
    absent("Subscription", call.name, call.project["subscriptions"])
    del call.project["subscriptions"][call.name]
    return None


@command("pubsub subscriptions get-iam-policy", "pubsub")
def subscription_policy(call: Call) -> Answer:
    absent("Subscription", call.name, call.project["subscriptions"])
    return iam.shown(call.project["subscriptions"][call.name]["policy"])


@command("pubsub subscriptions add-iam-policy-binding", "pubsub")
def bind_subscription(call: Call) -> Answer:
    absent("Subscription", call.name, call.project["subscriptions"])
    return iam.bind(call, call.project["subscriptions"][call.name]["policy"])


@command("pubsub subscriptions remove-iam-policy-binding", "pubsub")
def unbind_subscription(call: Call) -> Answer:
    absent("Subscription", call.name, call.project["subscriptions"])
    return iam.unbind(call, call.project["subscriptions"][call.name]["policy"])
