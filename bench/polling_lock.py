"""The lock that the bench compares with, as it is commonly written: a transaction per try, a sleep in between,
and a release that deletes whatever is there. It is not safe; it is here to be measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from google.api_core import exceptions
from google.cloud import firestore


class PollingLock:
    """A lock document with a timeout by the contender's own clock.

    Args:
        client: the Firestore client.
        poll_seconds: the sleep between two tries.
        lock_seconds: a lock older than this is overwritten.
    """

    def __init__(self, client: firestore.Client, *, poll_seconds: float, lock_seconds: float = 300.0) -> None:
        self._client = client
        self._poll_seconds = poll_seconds
        self._lock_seconds = lock_seconds

    @contextmanager
    def acquire(self, lock_key: str, operation_id: str, max_wait_seconds: float) -> Iterator[None]:
        """Hold the lock; TimeoutError if it was not free in time."""
        reference = self._client.collection("polling_locks").document(lock_key)
        until = time.monotonic() + max_wait_seconds
        while not self._try(reference, operation_id):
            if time.monotonic() > until:
                raise TimeoutError(lock_key)
            time.sleep(self._poll_seconds)
        try:
            yield
        finally:
            reference.delete()

    def _try(self, reference: firestore.DocumentReference, operation_id: str) -> bool:
        @firestore.transactional
        def take(transaction: firestore.Transaction) -> bool:
            snapshot = reference.get(transaction=transaction)
            now = datetime.now(UTC)
            if snapshot.exists and snapshot.get("expires_at") > now:
                return False
            expires_at = now + timedelta(seconds=self._lock_seconds)
            transaction.set(reference, {"operation_id": operation_id, "acquired_at": now, "expires_at": expires_at})
            return True

        try:
            return bool(take(self._client.transaction()))
        except (exceptions.Aborted, ValueError):  # ValueError: the client gave up after five aborted attempts
            return False
