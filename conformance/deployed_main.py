"""The `main.py` of the scratch function: the deployed service, with its documents in scratch collections.

It replaces `main.py` in the source that is deployed, and is not part of the service. An event whose trigger source is
`END_IN_PUBLISH` ends this instance once, while its publish runs.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from foundation.clock import SystemClock
from foundation.events import Event, EventSink
from grading import clients
from grading.settings import Settings
from grading.wiring import Application
from locking.store import Change, Document, DocumentStore, Fields, Key, Watch
from monitoring.log_sink import JsonLogSink

PREFIX_VARIABLE = "CONFORMANCE_PREFIX"
END_IN_PUBLISH = "conformance_end_in_publish"

_AFTER_SENDING_SECONDS = 0.2
_CALL_SECONDS = 5.0


class PrefixedStore:
    """A lock store whose collections all begin with a prefix."""

    def __init__(self, inner: DocumentStore, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        return self._inner.create(self._to(key), fields, timeout=timeout)

    def read(self, key: Key, *, timeout: float) -> Document | None:
        found = self._inner.read(self._to(key), timeout=timeout)
        return found and Document(key, found.fields, found.version, found.age_seconds)

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        return self._inner.replace(self._to(key), fields, if_version=if_version, timeout=timeout)

    def delete(self, key: Key, *, if_version: int, also: Sequence[Key] = (), timeout: float) -> bool:
        others = [self._to(other) for other in also]
        return self._inner.delete(self._to(key), if_version=if_version, also=others, timeout=timeout)

    def commit(self, changes: Sequence[Change], *, timeout: float) -> Sequence[int] | None:
        moved = [replace(change, key=self._to(change.key)) for change in changes]
        return self._inner.commit(moved, timeout=timeout)

    def watch(
        self,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> Watch:
        return self._inner.watch(
            [self._to(key) for key in keys], lambda key, there: on_change(self._from(key), there), on_broken
        )

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        found = self._inner.list(self._prefix + collection, timeout=timeout)
        return [Document(self._from(d.key), d.fields, d.version, d.age_seconds) for d in found]

    def versions(self, collection: str, *, timeout: float) -> Sequence[tuple[Key, int]]:
        found = self._inner.versions(self._prefix + collection, timeout=timeout)
        return [(self._from(key), version) for key, version in found]

    def close(self) -> None:
        self._inner.close()

    def _to(self, key: Key) -> Key:
        return Key(self._prefix + key.collection, key.document_id)

    def _from(self, key: Key) -> Key:
        return Key(key.collection.removeprefix(self._prefix), key.document_id)


class _EndInPublish:
    """Ends the instance once for each event that asks for it, a moment after its publish was sent."""

    def __init__(self, store: DocumentStore, end: Callable[[], None], after_seconds: float) -> None:
        self._store = store
        self._end = end
        self._after_seconds = after_seconds
        self._armed = ""

    def record(self, event: Event) -> None:
        if event.name == "run_started":
            asked = event.fields.get("trigger_source") == END_IN_PUBLISH
            self._armed = str(event.fields.get("event_id")) if asked else ""

    def before_job(self, job_id: str, _sql: str) -> None:
        """Called before each job is sent."""
        if not self._armed or "-publish-" not in job_id:
            return
        marker = Key("ended", self._armed)
        if self._store.create(marker, {"ended": True}, timeout=_CALL_SECONDS) is not None:
            threading.Timer(self._after_seconds, self._end).start()


def scratch_application(
    settings: Settings,
    prefix: str,
    end: Callable[[], None],
    *,
    inner: DocumentStore | None = None,
    end_after_seconds: float = _AFTER_SENDING_SECONDS,
    **parts: Any,
) -> Application:
    """The service on scratch collections. `end` ends the instance; `parts` are those of `Application`."""
    clock = SystemClock()
    store = PrefixedStore(inner or clients.lock_store(settings), prefix)
    ending = _EndInPublish(store, end, end_after_seconds)
    sinks: tuple[EventSink, ...] = (*parts.pop("sinks", (JsonLogSink(clock),)), ending)
    return Application(settings, clock=clock, lock_store=store, sinks=sinks, observe=ending.before_job, **parts)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if os.environ.get(PREFIX_VARIABLE):
    import functions_framework
    from cloudevents.http import CloudEvent

    _application = scratch_application(Settings.from_environment(os.environ), os.environ[PREFIX_VARIABLE], _die)

    @functions_framework.cloud_event
    def handle_event(event: CloudEvent) -> None:
        """Entry point, as in the service's own `main.py`."""
        _application.handler.handle(event.data, event_id=str(event["id"]), event_time=str(event.get("time") or ""))
