"""A gRPC proxy before the Firestore emulator: counts calls, swallows answers, hangs, refuses.

It forwards bytes and knows no message, so it sees each RPC exactly as the client sent it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, Self

import grpc

Fault = Literal["swallow", "cut", "hang", "refuse", "deny", "abort"]
"""What happens to one call. `swallow`: it is carried out, and its answer never arrives. `cut`: it is carried
out, and the client receives UNAVAILABLE. `hang`: it is never forwarded, and never answered. `refuse`, `deny`,
`abort`: it is not forwarded, and the client receives UNAVAILABLE, PERMISSION_DENIED or ABORTED."""

_NOT_FORWARDED: dict[str, grpc.StatusCode] = {
    "refuse": grpc.StatusCode.UNAVAILABLE,
    "deny": grpc.StatusCode.PERMISSION_DENIED,
    "abort": grpc.StatusCode.ABORTED,
}

_THREADS = 64


class FirestoreProxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """A proxy on a free port of 127.0.0.1; `host` is the value for FIRESTORE_EMULATOR_HOST.

    A context manager.

    Args:
        upstream: host and port of the emulator.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = grpc.insecure_channel(upstream)
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), handlers=[self])
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._mutex = threading.Lock()
        self._faults: list[tuple[str, Fault]] = []
        self._always: dict[str, Fault] = {}
        self._closing = threading.Event()
        self.calls: Counter[str] = Counter()

    def once(self, method: str, fault: Fault) -> None:
        """The next call of `method` (`Commit`, `BatchGetDocuments`, …) meets a fault. Calls queue up."""
        with self._mutex:
            self._faults.append((method, fault))

    def always(self, method: str, fault: Fault | None) -> None:
        """Each call of `method` meets a fault from now on; None ends that."""
        with self._mutex:
            if fault is None:
                self._always.pop(method, None)
            else:
                self._always[method] = fault

    def pending(self) -> int:
        """How many faults of `once` have not happened yet."""
        with self._mutex:
            return len(self._faults)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        method = path.rpartition("/")[2]
        metadata = handler_call_details.invocation_metadata

        # On the wire a unary call is a stream of one message, so one form of handler serves all methods.
        def behave(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            return self._forward(path, self._count(method), metadata, requests, context)

        return grpc.stream_stream_rpc_method_handler(behave)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.stop(grace=None).wait()
        self._upstream.close()

    def _count(self, method: str) -> Fault | None:
        with self._mutex:
            self.calls[method] += 1
            for i, (name, fault) in enumerate(self._faults):
                if name == method:
                    del self._faults[i]
                    return fault
            return self._always.get(method)

    def _forward(
        self, path: str, fault: Fault | None, metadata: Any, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        if fault == "hang":
            self._never_answer(context)
        if fault in _NOT_FORWARDED:
            context.abort(_NOT_FORWARDED[fault], "said by the proxy")
        call = self._upstream.stream_stream(path)(requests, metadata=_plain(metadata))
        context.add_callback(call.cancel)
        try:
            for answer in call:
                if fault is None:
                    yield answer
        except grpc.RpcError as error:
            if fault is None:
                context.abort(error.code(), error.details())
        if fault == "swallow":
            self._never_answer(context)
        if fault == "cut":
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut by the proxy after the call was carried out")

    def _never_answer(self, context: grpc.ServicerContext) -> None:
        while context.is_active() and not self._closing.wait(0.05):
            pass


def _plain(metadata: Any) -> list[tuple[str, Any]]:
    """The caller's metadata without what gRPC itself sets."""
    return [(key, value) for key, value in metadata if not key.startswith((":", "grpc-")) and key != "user-agent"]
