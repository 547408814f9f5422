"""A lock store that fails as configured: before, or after it has done what it was asked."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from foundation.errors import LockStoreUnavailable
from locking.store import DocumentStore, StoreContended, StoreUnanswered

Fault = Literal["down", "lost before", "lost after", "contended", "fine"]


class FaultyStore:
    """Passes calls on; each call of `method` meets the next planned fault, or `always`."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._planned: dict[str, deque[Fault]] = {}
        self.always: Fault = "fine"
        self.calls: list[str] = []

    def plan(self, method: str, *faults: Fault) -> None:
        self._planned.setdefault(method, deque()).extend(faults)

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(method)
            planned = self._planned.get(method)
            fault = planned.popleft() if planned else self.always
            if fault == "down":
                raise LockStoreUnavailable("the store is down")
            if fault == "contended":
                raise StoreContended("contended")
            if fault == "lost before":
                raise StoreUnanswered("no answer; nothing was done")
            result = getattr(self._store, method)(*arguments, **named)
            if fault == "lost after":
                raise StoreUnanswered("no answer; it was done")
            return result

        return call
