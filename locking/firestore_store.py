"""The lock store on Firestore: one RPC per call, and no retries by the client library.

The client's own retries (up to 60 s on UNAVAILABLE) would turn a lost answer into "exists already" or "the
version has moved on", that is a lock lost to oneself; so each call passes `retry=None`.

A version is the `update_time` of the write in microseconds. Firestore compares it exactly, and asks for it
"microsecond aligned" (cloud.google.com/firestore/docs/reference/rest/v1/Precondition).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud import firestore

from grading.errors import LockStoreUnavailable
from locking.firestore_watch import FirestoreWatch
from locking.firestore_wire import wire
from locking.store import Document, Fields, Key, StoreContended, StoreUnanswered

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Everything else that Firestore can say is a refusal for good: permission, missing database, bad request.
_UNANSWERED = (
    exceptions.DeadlineExceeded,
    exceptions.ServerError,
    exceptions.Cancelled,
    exceptions.TooManyRequests,
    exceptions.RetryError,
)


class FirestoreLockStore:
    """Lock documents in Firestore.

    Args:
        client: a `google.cloud.firestore.Client`. It stays the caller's: `close()` leaves it open.
    """

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        try:
            with _errors():
                result = self._reference(key).create(dict(fields), retry=None, timeout=timeout)
        except exceptions.AlreadyExists:
            return None
        return _version(result.update_time)

    def read(self, key: Key, *, timeout: float) -> Document | None:
        with _errors():
            snapshot = self._reference(key).get(retry=None, timeout=timeout)
        return _document(key, snapshot) if snapshot.exists else None

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        # Delete and set in one commit: `update` would leave fields that are no longer named, and `set` takes
        # no precondition.
        batch = self._client.batch()
        batch.delete(self._reference(key), option=self._at_version(if_version))
        batch.set(self._reference(key), dict(fields))
        results = self._commit(batch, timeout)
        return None if results is None else _version(results[-1].update_time)

    def delete(self, key: Key, *, if_version: int, also: Sequence[Key] = (), timeout: float) -> bool:
        batch = self._client.batch()
        batch.delete(self._reference(key), option=self._at_version(if_version))
        for other in also:
            batch.delete(self._reference(other))
        return self._commit(batch, timeout) is not None

    def watch(self, keys: Sequence[Key], on_change: Callable[[Key, bool], None]) -> FirestoreWatch:
        return FirestoreWatch(self._client, {self._reference(key).path: key for key in keys}, on_change)

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        with _errors():
            snapshots = list(self._client.collection(collection).stream(retry=None, timeout=timeout))
        documents = [_document(Key(collection, snapshot.id), snapshot) for snapshot in snapshots]
        return sorted(documents, key=lambda document: document.version)

    def versions(self, collection: str, *, timeout: float) -> Sequence[tuple[Key, int]]:
        # One unary call without fields: a query costs ten times the processor time, and waiters come in crowds.
        database, api, metadata = wire(self._client)
        parent, _, collection_id = f"{database}/documents/{collection}".rpartition("/")
        request = {"parent": parent, "collection_id": collection_id, "page_size": 300, "mask": {"field_paths": ["_"]}}
        found: list[tuple[Key, int]] = []
        with _errors():
            for page in api.list_documents(request, metadata=metadata, retry=None, timeout=timeout).pages:
                for document in type(page).pb(page).documents:  # plain protobufs: cheaper by far
                    document_id = document.name.rpartition("/")[2]
                    found.append((Key(collection, document_id), document.update_time.ToMicroseconds()))
        return sorted(found, key=lambda pair: pair[1])

    def close(self) -> None:
        """Nothing to release: the client belongs to the caller."""

    def _reference(self, key: Key) -> firestore.DocumentReference:
        return self._client.collection(key.collection).document(key.document_id)

    def _at_version(self, version: int) -> Any:
        return self._client.write_option(last_update_time=_EPOCH + timedelta(microseconds=version))

    def _commit(self, batch: firestore.WriteBatch, timeout: float) -> Any:
        """The write results, or None where a precondition failed."""
        try:
            with _errors():
                return batch.commit(retry=None, timeout=timeout)
        except (exceptions.FailedPrecondition, exceptions.NotFound):
            return None


def _version(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _document(key: Key, snapshot: Any) -> Document:
    age = snapshot.read_time - snapshot.update_time
    return Document(key, snapshot.to_dict() or {}, _version(snapshot.update_time), age.total_seconds())


@contextmanager
def _errors() -> Iterator[None]:
    """Translates Google's exceptions; the answers that are results pass through."""
    try:
        yield
    except (exceptions.AlreadyExists, exceptions.FailedPrecondition, exceptions.NotFound):
        raise
    except exceptions.Aborted as error:
        raise StoreContended(str(error)) from error
    except _UNANSWERED as error:
        raise StoreUnanswered(f"Firestore did not answer: {error}") from error
    except exceptions.GoogleAPICallError as error:
        raise LockStoreUnavailable(f"Firestore refused: {error}") from error
