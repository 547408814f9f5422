"""One method of a Google service, served in this process: the client library speaks to it over real gRPC."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc


class RpcServer:
    """Keeps each request, and answers with `answer(request, context)`, with an error `status`, or never."""

    def __init__(
        self,
        service: str,
        method: str,
        *,
        read: Callable[[bytes], Any],
        write: Callable[[Any], bytes],
        answer: Callable[[Any, grpc.ServicerContext], Any],
    ) -> None:
        self.requests: list[Any] = []
        self.status: grpc.StatusCode | None = None
        self.refusal = "refused"
        self.hangs = False
        self._answer = answer
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        handler = grpc.unary_unary_rpc_method_handler(
            self._handle, request_deserializer=read, response_serializer=write
        )
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def _handle(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        if self.hangs:
            given_up = threading.Event()
            if context.add_callback(given_up.set):
                given_up.wait(20)
        if self.status is not None:
            context.abort(self.status, self.refusal)
        return self._answer(request, context)

    def channel(self) -> grpc.Channel:
        """A channel to this server."""
        return grpc.insecure_channel(f"127.0.0.1:{self._port}")

    def stop(self) -> None:
        self._server.stop(grace=None).wait(5)
