"""The lock store on Firestore: one RPC per call, and no hidden retries.

A version is the `update_time` of the write in microseconds. Firestore compares it exactly, and asks for it
"microsecond aligned" (cloud.google.com/firestore/docs/reference/rest/v1/Precondition).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud import firestore
from google.cloud.firestore_v1 import types

from locking.firestore.values import at_version, decode, encode, microseconds
from locking.firestore.watch import FirestoreWatch
from locking.firestore.wire import FirestoreWire, is_answer, translate
from locking.store import Change, Document, Fields, Key

_MOVED_ON = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)


class FirestoreLockStore:
    """Lock documents in Firestore.

    Args:
        client: a `google.cloud.firestore.Client`. It stays the caller's: `close()` leaves it open.
    """

    def __init__(self, client: firestore.Client) -> None:
        self._wire = FirestoreWire(client)

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        write = self._write(key, fields, types.Precondition.pb()(exists=False))
        return self._commit([write], timeout, refused_by=(grpc.StatusCode.ALREADY_EXISTS,))

    def read(self, key: Key, *, timeout: float) -> Document | None:
        with _errors():
            answer = self._wire.get(key, timeout=timeout)
        return _document(key, answer.found, answer.read_time) if answer.HasField("found") else None

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        return self._commit([self._write(key, fields, at_version(if_version))], timeout, refused_by=_MOVED_ON)

    def delete(self, key: Key, *, if_version: int, also: Sequence[Key] = (), timeout: float) -> bool:
        deletion = types.Write.pb()
        writes = [deletion(delete=self._wire.name(key), current_document=at_version(if_version))]
        writes += [deletion(delete=self._wire.name(other)) for other in also]
        return self._commit(writes, timeout, refused_by=_MOVED_ON) is not None

    def commit(self, changes: Sequence[Change], *, timeout: float) -> Sequence[int] | None:
        refused_by = (*_MOVED_ON, grpc.StatusCode.ALREADY_EXISTS)
        return self._commit_all([self._change(change) for change in changes], timeout, refused_by=refused_by)

    def watch(
        self,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> FirestoreWatch:
        return FirestoreWatch(self._wire, keys, on_change, on_broken)

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        with _errors():
            documents = [
                _document(_key(collection, answer.document), answer.document, answer.read_time)
                for answer in self._wire.query(collection, timeout=timeout)
            ]
        return sorted(documents, key=lambda document: document.version)

    def versions(self, collection: str, *, timeout: float) -> Sequence[tuple[Key, int]]:
        with _errors():
            found = [
                (_key(collection, document), microseconds(document.update_time))
                for document in self._wire.names(collection, timeout=timeout)
            ]
        return sorted(found, key=lambda pair: pair[1])

    def close(self) -> None:
        """Nothing to release: the client belongs to the caller."""

    def _write(self, key: Key, fields: Fields, precondition: Any) -> Any:
        document = types.Document.pb()(name=self._wire.name(key), fields=encode(fields))
        return types.Write.pb()(update=document, current_document=precondition)

    def _change(self, change: Change) -> Any:
        at = None if change.if_version is None else at_version(change.if_version)
        if change.fields is None:
            return types.Write.pb()(delete=self._wire.name(change.key), current_document=at)
        return self._write(change.key, change.fields, at or types.Precondition.pb()(exists=False))

    def _commit(self, writes: Sequence[Any], timeout: float, *, refused_by: Sequence[grpc.StatusCode]) -> int | None:
        versions = self._commit_all(writes, timeout, refused_by=refused_by)
        return None if versions is None else versions[0]

    def _commit_all(
        self, writes: Sequence[Any], timeout: float, *, refused_by: Sequence[grpc.StatusCode]
    ) -> Sequence[int] | None:
        """The version of each write (of a deletion: some number), or None if a precondition failed."""
        try:
            response = self._wire.commit(writes, timeout=timeout)
        except grpc.RpcError as error:
            if error.code() in refused_by and is_answer(error):
                return None
            raise translate(error) from error
        return [microseconds(result.update_time) for result in response.write_results]


def _key(collection: str, document: Any) -> Key:
    return Key(collection, document.name.rpartition("/")[2])


def _document(key: Key, document: Any, read_time: Any) -> Document:
    version = microseconds(document.update_time)
    age_seconds = (microseconds(read_time) - version) / 1_000_000
    return Document(key, decode(document.fields), version, age_seconds)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise translate(error) from error
