"""A lock store that is opened when it is first used, so that one that cannot be opened is an outage like any other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from foundation.clock import Clock
from foundation.errors import LockStoreUnavailable
from locking.store import Change, Document, DocumentStore, Fields, Key, Watch

# A store that could not be opened is not tried at each call: opening can take seconds.
_AGAIN_AFTER_SECONDS = 5.0


class LateLockStore:
    """A `DocumentStore` in front of one that `open_store` makes.

    Args:
        open_store: opens the store. Whatever it raises becomes `LockStoreUnavailable`: a missing directory, a missing
            database, missing credentials, a file system that refuses to lock.
        clock: measures when to try again.
    """

    def __init__(self, open_store: Callable[[], DocumentStore], clock: Clock) -> None:
        self._open_store = open_store
        self._clock = clock
        self._mutex = threading.Lock()
        self._store: DocumentStore | None = None
        self._failed: Exception | None = None
        self._failed_at = 0.0

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        return self._opened().create(key, fields, timeout=timeout)

    def read(self, key: Key, *, timeout: float) -> Document | None:
        return self._opened().read(key, timeout=timeout)

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        return self._opened().replace(key, fields, if_version=if_version, timeout=timeout)

    def delete(self, key: Key, *, if_version: int, also: Sequence[Key] = (), timeout: float) -> bool:
        return self._opened().delete(key, if_version=if_version, also=also, timeout=timeout)

    def commit(self, changes: Sequence[Change], *, timeout: float) -> Sequence[int] | None:
        return self._opened().commit(changes, timeout=timeout)

    def watch(
        self,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> Watch:
        return self._opened().watch(keys, on_change, on_broken)

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        return self._opened().list(collection, timeout=timeout)

    def versions(self, collection: str, *, timeout: float) -> Sequence[tuple[Key, int]]:
        return self._opened().versions(collection, timeout=timeout)

    def close(self) -> None:
        """Close the store, if it was opened."""
        if self._store is not None:
            self._store.close()

    def _opened(self) -> DocumentStore:
        with self._mutex:
            if self._store is not None:
                return self._store
            now = self._clock.monotonic()
            if self._failed is None or now - self._failed_at >= _AGAIN_AFTER_SECONDS:
                try:
                    self._store = self._open_store()
                except Exception as error:  # noqa: BLE001 - whatever keeps it shut, the lock is not to be had
                    self._failed, self._failed_at = error, self._clock.monotonic()
                else:
                    return self._store
            why = f"{type(self._failed).__name__}: {self._failed}"
            raise LockStoreUnavailable(f"the lock store cannot be opened: {why}") from self._failed
