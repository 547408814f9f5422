"""Firestore's API as the lock needs it: five methods, plain protobufs, single attempts.

It takes channel, credentials and routing from the library's client, and calls the methods itself. The
library's own methods retry for up to a minute and cost twice the time: two wrapper layers for each message,
which a crowd of waiters pays at once. Nothing here retries, so a lost answer is reported as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import grpc
from google.cloud import firestore
from google.cloud.firestore_v1 import types

from foundation.errors import LockStoreUnavailable
from locking.store import Key, StoreContended, StoreUnanswered

_SERVICE = "/google.firestore.v1.Firestore/"
_UNANSWERED = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DATA_LOSS,
    }
)
_ANSWERS = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS)
# Of a database that is missing, or that is in Datastore mode: the same codes as of a document that has moved on.
_NO_DATABASE = ("does not exist for project", "is not available for", "does not contain an active")


class FirestoreWire:
    """The methods of one database.

    Args:
        client: gives the channel, the credentials and the database. It stays the caller's.
    """

    def __init__(self, client: firestore.Client) -> None:
        # No public name gives these; the contract suite holds them when the library is upgraded.
        self.database: str = client._database_string  # noqa: SLF001
        self._metadata = [*client._rpc_metadata, ("x-goog-request-params", f"database={quote(self.database, safe='')}")]  # noqa: SLF001
        channel = client._firestore_api.transport.grpc_channel  # noqa: SLF001
        self._commit = _method(channel.unary_unary, "Commit", types.CommitRequest, types.CommitResponse)
        self._list = _method(
            channel.unary_unary, "ListDocuments", types.ListDocumentsRequest, types.ListDocumentsResponse
        )
        self._get = _method(
            channel.unary_stream, "BatchGetDocuments", types.BatchGetDocumentsRequest, types.BatchGetDocumentsResponse
        )
        self._query = _method(channel.unary_stream, "RunQuery", types.RunQueryRequest, types.RunQueryResponse)
        self._listen = _method(channel.stream_stream, "Listen", types.ListenRequest, types.ListenResponse)

    def name(self, key: Key) -> str:
        """The full name of a document."""
        return f"{self.database}/documents/{key.collection}/{key.document_id}"

    def commit(self, writes: Iterable[Any], *, timeout: float) -> Any:
        """Commit all or nothing; may raise grpc.RpcError, see `translate`."""
        request = types.CommitRequest.pb()(database=self.database, writes=writes)
        return self._commit(request, metadata=self._metadata, timeout=timeout)

    def get(self, key: Key, *, timeout: float) -> Any:
        """One document, as the answer that carries it: `found` or `missing`, and the server's `read_time`."""
        request = types.BatchGetDocumentsRequest.pb()(database=self.database, documents=[self.name(key)])
        return next(iter(self._get(request, metadata=self._metadata, timeout=timeout)))

    def query(self, collection: str, *, timeout: float) -> Iterator[Any]:
        """Every document of a collection, each in an answer with the server's `read_time`."""
        parent, collection_id = self._split(collection)
        query = {"from_": [{"collection_id": collection_id}]}
        request = types.RunQueryRequest.pb()(parent=parent, structured_query=query)
        for answer in self._query(request, metadata=self._metadata, timeout=timeout):
            if answer.HasField("document"):
                yield answer

    def names(self, collection: str, *, timeout: float) -> Iterator[Any]:
        """Every document of a collection, without fields and read time: one cheap call for each 300."""
        parent, collection_id = self._split(collection)
        request = types.ListDocumentsRequest.pb()(parent=parent, collection_id=collection_id, page_size=300)
        request.mask.field_paths.append("_")
        while True:
            page = self._list(request, metadata=self._metadata, timeout=timeout)
            yield from page.documents
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def listen(self, requests: Iterator[Any]) -> Any:
        """A Listen stream: iterate it, `cancel()` it."""
        return self._listen(requests, metadata=self._metadata)

    def _split(self, collection: str) -> tuple[str, str]:
        parent, _, collection_id = f"{self.database}/documents/{collection}".rpartition("/")
        return parent, collection_id


def is_answer(error: grpc.RpcError) -> bool:
    """Whether a commit was refused by its precondition: the document exists, has moved on, or is gone.

    Firestore gives the same codes if there is no such database at all, which is an outage and no answer.
    """
    text = str(error.details() or "")
    return error.code() in _ANSWERS and not any(words in text for words in _NO_DATABASE)


def translate(error: grpc.RpcError) -> LockStoreUnavailable:
    """The store's error for an RPC that has failed, and whose failure is not an answer."""
    code, text = error.code(), f"Firestore: {error.code().name}: {error.details()}"
    if code is grpc.StatusCode.ABORTED:
        return StoreContended(text)
    return StoreUnanswered(text) if code in _UNANSWERED else LockStoreUnavailable(text)


def _method(kind: Any, name: str, request: Any, response: Any) -> Any:
    return kind(
        _SERVICE + name,
        request_serializer=request.pb().SerializeToString,
        response_deserializer=response.pb().FromString,
    )
