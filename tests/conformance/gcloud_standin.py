"""gcloud, and the function that it deploys: the scratch `main.py` in this process, fed as Pub/Sub would feed it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alerts.alert import Alert
from conformance.deployed_main import scratch_application
from conformance.place import Place
from conformance.scratch_function import DELIVERY, GcloudFailed
from foundation.events import Event
from grading.locker import Locker
from grading.wiring import Application

_CALLS = {
    "topics": "gcloud topics",
    "subscriptions": "gcloud subscriptions",
    "functions": "gcloud deploy",
    "read": "gcloud logging",
    "metrics": "gcloud metrics",
}


class _Log:
    """What the function logs."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def record(self, event: Event) -> None:
        self.entries.append({"jsonPayload": {"event": event.name, "message": event.message}})


class _UntilEnded:
    """What an instance logs: nothing, once it has ended."""

    def __init__(self, log: _Log, ended: threading.Event) -> None:
        self._log, self._ended = log, ended

    def record(self, event: Event) -> None:
        if not self._ended.is_set():
            self._log.record(event)


class _Notifier:
    def __init__(self, log: _Log, faults: frozenset[str]) -> None:
        self._log, self._faults = log, faults

    def send(self, alert: Alert) -> bool:
        if "alerts are not told" not in self._faults:
            self._log.entries.append({"jsonPayload": {"event": "alert_sent", "check": alert.check}})
        return True


class GcloudStandIn:
    """Callable as `conformance.scratch_function.run_gcloud`; `calls` are the names that a dry run gives them."""

    def __init__(self, place: Place, *faults: str) -> None:
        self.faults = frozenset(faults)
        self.calls: list[str] = []
        self.points: float | None = None
        self.functions: set[str] = set()
        self.topics: set[str] = set()
        self.metrics: set[str] = set()
        self._place = place
        self._log = _Log()
        self._delivery: dict[str, Any] = {}
        self._prefix = ""
        self._messages = 0
        self._threads: list[threading.Thread] = []

    def __call__(self, arguments: Sequence[str]) -> str:
        words = [argument for argument in arguments if not argument.startswith("--")]
        options = dict(argument[2:].partition("=")[::2] for argument in arguments if argument.startswith("--"))
        self.calls.append(_CALLS[words[1] if words[0] in ("pubsub", "logging") else words[0]])
        answer = {
            "pubsub": self._pubsub, "functions": self._functions, "logging": self._logging,
        }[words[0]](words[1:], options)  # fmt: skip
        return answer or ""

    def _pubsub(self, words: list[str], options: dict[str, str]) -> str | None:
        match words:
            case ["topics", "create", name]:
                self.topics.add(name)
            case ["topics", "delete", name]:
                self._gone(self.topics, name)
            case ["topics", "list"]:
                return "\n".join(f"projects/p/topics/{name}" for name in sorted(self.topics))
            case ["topics", "list-subscriptions", name]:
                return f"projects/p/subscriptions/eventarc-{name}\n"
            case ["topics", "publish", _]:
                self._publish(options["message"])
            case ["subscriptions", "update", _]:
                self._delivery = dict(DELIVERY)
            case ["subscriptions", "describe", _]:
                return self._described()
        return None

    def _functions(self, words: list[str], options: dict[str, str]) -> str | None:
        match words:
            case ["deploy", name]:
                self._deploy(name, options)
            case ["delete", name]:
                self._gone(self.functions, name)
            case ["list"]:
                return "\n".join(sorted(self.functions))
            case ["add-invoker-policy-binding", name]:
                assert name in self.functions
        return None

    def _logging(self, words: list[str], _options: dict[str, str]) -> str | None:
        match words:
            case ["read", wanted]:
                return json.dumps([e for e in self._log.entries if f'"{e["jsonPayload"]["event"]}"' in wanted])
            case ["metrics", "describe", name] if name not in self.metrics:
                raise GcloudFailed(f"gcloud logging metrics describe: NOT_FOUND: {name}")
            case ["metrics", "create", name]:
                self.metrics.add(name)
            case ["metrics", "delete", name]:
                self.metrics.discard(name)
        return None

    def monitoring(self, query: str) -> float | None:
        """Cloud Monitoring, for the two questions of assertion 17."""
        self.calls.append("prometheus query")
        if "increase(" in query and "increase counts no first point" in self.faults:
            return None
        return self.points

    def finish(self) -> None:
        """Wait for the function's invocations."""
        for thread in self._threads:
            thread.join(60)

    @staticmethod
    def _gone(there: set[str], name: str) -> None:
        if name not in there:
            raise GcloudFailed(f"gcloud delete: NOT_FOUND: {name}")
        there.remove(name)

    def _deploy(self, name: str, options: dict[str, str]) -> None:
        variables = dict(entry.split("=", 1) for entry in options["set-env-vars"].removeprefix("^|^").split("|"))
        if name in self.functions and "a deployment resets delivery" in self.faults:
            self._delivery = {}
        self._prefix = variables["CONFORMANCE_PREFIX"]
        self.functions.add(name)

    def _described(self) -> str:
        told = self._delivery
        return json.dumps(
            {
                "ackDeadlineSeconds": told.get("ackDeadlineSeconds", 10),
                "deadLetterPolicy": {"maxDeliveryAttempts": told.get("maxDeliveryAttempts")},
                "retryPolicy": {key: told.get(key) for key in ("minimumBackoff", "maximumBackoff")},
            }
        )

    def _publish(self, message: str) -> None:
        if "events are lost" in self.faults:
            return
        self._messages += 1
        published = self._place.clock.now().isoformat()
        data = {
            "message": {
                "data": base64.b64encode(message.encode()).decode(),
                "messageId": str(self._messages),
                "publishTime": published,
            }
        }
        thread = threading.Thread(target=self._deliver, args=(data,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _deliver(self, data: dict[str, Any]) -> None:
        """Each invocation is an instance of its own; one that ended is followed by a second delivery."""
        again = "publishes twice" in self.faults
        for _ in range(2):
            ended = threading.Event()
            application = self._instance(ended)
            try:
                application.handler.handle(data)
            finally:
                ended_in_publish = ended.is_set()
            if again:
                # A service that forgets what it has published.
                data["message"].pop("publishTime", None)
                data["message"]["messageId"] += "-again"
            elif not ended_in_publish:
                return

    def _instance(self, ended: threading.Event) -> Application:
        application = scratch_application(
            replace(self._place.settings, slack_webhook_url=""),
            self._prefix,
            ended.set,
            inner=self._place.store,
            sinks=(_UntilEnded(self._log, ended),),
            end_after_seconds=0.0,
            notifier=_Notifier(self._log, self.faults),
        )
        application.bigquery_client = self._place.client
        if "grades without the lock" in self.faults:
            application.locker = _NoLock(application.lock, 1.0, 1.0)
        return application


class _NoLock(Locker):
    """A locker that never takes a lock."""

    def hold(self, *arguments: Any, **options: Any) -> Any:
        return super().hold(*arguments, **{**options, "use_lock": False})
