"""What is remembered from one delivery to the next: when an event was first seen, and what failed how often.

One document each, in the lock's store, so that all instances share it. Whenever the store does not answer, this
process remembers alone: an event ends a little later then, and nothing else depends on it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from foundation.clock import Clock
from foundation.errors import LockStoreUnavailable
from foundation.text import alike
from locking.store import DocumentStore, Key

FIRST_SEEN, FAILED = "grading_first_deliveries", "grading_failures"

_KEPT_FOR = timedelta(days=8)
_IN_A_ROW = timedelta(days=1)
_MOST_REMEMBERED = 1000


class Memory:
    """Remembers deliveries and failures.

    Args:
        store: where it is kept.
        clock: for the expiry of documents, and for the time alone if the store does not answer.
        store_timeout_seconds: the longest wait for one answer of the store.
    """

    def __init__(self, store: DocumentStore, clock: Clock, *, store_timeout_seconds: float = 2.0) -> None:
        self._store = store
        self._clock = clock
        self._timeout = store_timeout_seconds
        self._seen: dict[str, datetime] = {}
        self._failed: dict[str, tuple[str, int]] = {}

    def first_seen(self, message_id: str) -> datetime:
        """When a message was delivered for the first time: now, if it is not known."""
        now = self._clock.now()
        key = Key(FIRST_SEEN, _name(message_id))
        try:
            if self._store.create(key, {"expires_at": now + _KEPT_FOR}, timeout=self._timeout) is not None:
                return now
            document = self._store.read(key, timeout=self._timeout)
            return now if document is None else now - timedelta(seconds=document.age_seconds)
        except LockStoreUnavailable:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.clear()
            return self._seen.setdefault(key.document_id, now)

    def failed(self, what: str, error: str) -> int:
        """How often `what` has failed alike in a row, within a day of each other, this time included."""
        key, text = Key(FAILED, _name(what)), alike(error)
        fields = {"what": what[:200], "alike": text, "expires_at": self._clock.now() + _KEPT_FOR}
        try:
            document = self._store.read(key, timeout=self._timeout)
            if document is None:
                self._store.create(key, {**fields, "count": 1}, timeout=self._timeout)
                return 1
            again = document.fields.get("alike") == text and document.age_seconds < _IN_A_ROW.total_seconds()
            count = int(document.fields.get("count", 0)) + 1 if again else 1
            self._store.replace(key, {**fields, "count": count}, if_version=document.version, timeout=self._timeout)
        except LockStoreUnavailable:
            before, times = self._failed.get(key.document_id, ("", 0))
            count = times + 1 if before == text else 1
            self._failed[key.document_id] = (text, count)
        return count


def _name(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
