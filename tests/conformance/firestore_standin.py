"""Firestore at its gRPC edge, in memory: the methods that the lock uses. `faults` names what misbehaves."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.types import TargetChange

_SERVICE = "google.firestore.v1.Firestore"


class FirestoreStandIn:
    """A context manager; `host` is the value for FIRESTORE_EMULATOR_HOST."""

    def __init__(self, *faults: str) -> None:
        self.faults = set(faults)
        self.calls: list[str] = []
        self._documents: dict[str, Any] = {}
        self._mutex = threading.Lock()
        self._listeners: list[tuple[set[str], queue.SimpleQueue[Any]]] = []
        self._last = 0
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, self._methods())])
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for _, news in self._listeners:
            news.put(None)
        self._server.stop(grace=None).wait(5)

    @property
    def names(self) -> list[str]:
        """The documents that there are."""
        return sorted(self._documents)

    def _methods(self) -> dict[str, Any]:
        def unary(method: Any, request: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(
                method, request.pb().FromString, lambda answer: answer.SerializeToString()
            )

        def stream(method: Any, request: Any) -> Any:
            return grpc.unary_stream_rpc_method_handler(
                method, request.pb().FromString, lambda answer: answer.SerializeToString()
            )

        listen = grpc.stream_stream_rpc_method_handler(
            self._listen, types.ListenRequest.pb().FromString, lambda answer: answer.SerializeToString()
        )
        return {
            "Commit": unary(self._commit, types.CommitRequest),
            "ListDocuments": unary(self._list, types.ListDocumentsRequest),
            "ListCollectionIds": unary(self._collections, types.ListCollectionIdsRequest),
            "BatchGetDocuments": stream(self._get, types.BatchGetDocumentsRequest),
            "RunQuery": stream(self._query, types.RunQueryRequest),
            "Listen": listen,
        }

    def _now(self, message: Any) -> int:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        message.seconds, rest = divmod(self._last, 1_000_000)
        message.nanos = rest * 1000
        return self._last

    def _commit(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.calls.append("commit")
        answer = types.CommitResponse.pb()()
        with self._mutex:
            for write in request.writes:
                self._check(write, context)
            for write in request.writes:
                result = answer.write_results.add()
                name = write.update.name or write.delete
                if write.delete:
                    self._documents.pop(name, None)
                    self._now(result.update_time)
                else:
                    self._write(write.update, result)
                self._tell(name)
            self._now(answer.commit_time)
        return answer

    def _write(self, update: Any, result: Any) -> None:
        held = self._documents.get(update.name)
        same = held is not None and held.fields == update.fields
        document = types.Document.pb()()
        document.CopyFrom(update)
        if same and held is not None and "a no-op changes the version" not in self.faults:
            document.update_time.CopyFrom(held.update_time)
        else:
            self._now(document.update_time)
        self._documents[update.name] = document
        result.update_time.CopyFrom(document.update_time)

    def _check(self, write: Any, context: grpc.ServicerContext) -> None:
        name = write.update.name or write.delete
        held = self._documents.get(name)
        condition = write.current_document
        kind = condition.WhichOneof("condition_type")
        if kind == "exists" and not condition.exists and held is not None and "a create overwrites" not in self.faults:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Document already exists: {name}")
        if kind == "update_time":
            if held is None:
                code = "NOT_FOUND" if "another code" in self.faults else "FAILED_PRECONDITION"
                context.abort(grpc.StatusCode[code], f"no document: {name}")
            elif held.update_time != condition.update_time and "a stale version writes" not in self.faults:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the stored version does not match")

    def _get(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.calls.append("batchGet")
        if "idle calls fail" in self.faults:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was idle")
        for name in request.documents:
            answer = types.BatchGetDocumentsResponse.pb()()
            with self._mutex:
                if name in self._documents:
                    answer.found.CopyFrom(self._documents[name])
                else:
                    answer.missing = name
                self._now(answer.read_time)
            yield answer

    def _beneath(self, parent: str, collection: str) -> list[Any]:
        with self._mutex:
            prefix = f"{parent}/{collection}/"
            return [
                document
                for name, document in sorted(self._documents.items())
                if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
            ]

    def _list(self, request: Any, _context: grpc.ServicerContext) -> Any:
        self.calls.append("listDocuments")
        answer = types.ListDocumentsResponse.pb()()
        answer.documents.extend(self._beneath(request.parent, request.collection_id))
        return answer

    def _query(self, request: Any, _context: grpc.ServicerContext) -> Iterator[Any]:
        self.calls.append("runQuery")
        collection = request.structured_query.from_[0].collection_id
        for document in self._beneath(request.parent, collection):
            answer = types.RunQueryResponse.pb()(document=document)
            with self._mutex:
                self._now(answer.read_time)
            yield answer

    def _collections(self, request: Any, _context: grpc.ServicerContext) -> Any:
        self.calls.append("listCollectionIds")
        answer = types.ListCollectionIdsResponse.pb()()
        with self._mutex:
            found = {name.removeprefix(f"{request.parent}/").partition("/")[0] for name in self._documents}
        answer.collection_ids.extend(sorted(found))
        return answer

    def _listen(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        self.calls.append("listen")
        target = next(requests).add_target
        names = set(target.documents.documents)
        news: queue.SimpleQueue[Any] = queue.SimpleQueue()
        context.add_callback(lambda: news.put(None))
        with self._mutex:
            for name in sorted(names & self._documents.keys()):
                news.put(self._change(name))
            current = types.ListenResponse.pb()()
            current.target_change.target_change_type = TargetChange.TargetChangeType.CURRENT
            news.put(current)
            self._listeners.append((names, news))
        yield from iter(news.get, None)

    def _tell(self, name: str) -> None:
        if "listeners are silent" in self.faults:
            return
        for names, news in self._listeners:
            if name in names:
                news.put(self._change(name))

    def _change(self, name: str) -> Any:
        change = types.ListenResponse.pb()()
        if name in self._documents:
            change.document_change.document.CopyFrom(self._documents[name])
        else:
            change.document_delete.document = name
        return change
