"""Google's SQL analyzer, asked directly: the package turns each request and each answer into Python objects first.

It is WebAssembly. Compiling it takes both cores 15 s, so what it is compiled to is kept on disk, and processes that
need it at the same time wait for the one that compiles. A catalog is registered with it, and sent again only if a
table has come: the functions that BigQuery has are part of it, and take longer to set up than most statements to
analyse.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import tempfile
from pathlib import Path

import wasmtime
import zetasql.core.local_service
import zetasql.core.wasm_client
from google.protobuf.message import Message
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.core.wasm_client import WasmClient
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as asked
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto

_ONE_COMPILES = Path(tempfile.gettempdir()) / "zetasql-compiles.lock"


class _CachingConfig(wasmtime.Config):
    """Keeps what the analyzer is compiled to."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


class _Client(WasmClient):
    """Copies memory as a whole: the package's own copies it byte by byte, in Python."""

    def write_bytes(self, ptr: int, data: bytes) -> None:
        """Write `data` at `ptr`."""
        ctypes.memmove(self._address(ptr, len(data)), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        """Read `size` bytes at `ptr`."""
        return ctypes.string_at(self._address(ptr, size), size)

    def _address(self, ptr: int, size: int) -> int:
        if ptr + size > self.memory.data_len():
            raise IndexError(f"{size} bytes at {ptr} are outside the analyzer's memory")
        return ctypes.addressof(self.memory.data_ptr().contents) + ptr


@functools.cache
def service() -> ZetaSqlLocalService:
    """The analyzer of this process; whatever else asks the package asks it too."""
    zetasql.core.wasm_client.Config = _CachingConfig
    zetasql.core.local_service.WasmClient = _Client
    with _ONE_COMPILES.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ZetaSqlLocalService.get_instance()


class SqlAnalyzer:
    """Analyses statements against a catalog that grows.

    Args:
        catalog: the functions and tables that statements may name. Say `changed` after adding to it.
        options: how to analyse.
    """

    def __init__(self, catalog: SimpleCatalogProto, options: AnalyzerOptionsProto) -> None:
        self._client = service().wasm_client
        self._catalog = catalog
        self._options = options
        self._registered: int | None = None

    def changed(self) -> None:
        """The catalog has another table: it is sent anew before the next statement."""
        if self._registered is not None:
            request = asked.UnregisterRequest(registered_id=self._registered)
            self._client.call_grpc_func("ZetaSqlLocalService_UnregisterCatalog", request)
        self._registered = None

    def analyze(self, statement: str) -> Message:
        """What the statement is resolved to: the message of its kind. Raises the package's error if it is refused."""
        if self._registered is None:
            catalog = asked.RegisterCatalogRequest(simple_catalog=self._catalog)
            known = self._client.call_grpc_func("ZetaSqlLocalService_RegisterCatalog", catalog, asked.RegisterResponse)
            self._registered = known.registered_id
        request = asked.AnalyzeRequest(
            sql_statement=statement, options=self._options, registered_catalog_id=self._registered
        )
        answer = self._client.call_grpc_func("ZetaSqlLocalService_Analyze", request, asked.AnalyzeResponse)
        resolved: Message = answer.resolved_statement
        while resolved.DESCRIPTOR.name.startswith("Any"):  # says which of its kinds it is
            resolved = getattr(resolved, resolved.WhichOneof("node"))
        return resolved
