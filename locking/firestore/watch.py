"""A listener on a few Firestore documents: one Listen stream, one target, one thread.

`DocumentReference.on_snapshot` listens to one document with three threads, reconnects on its own for as
long as it lives, and raises what goes wrong in a thread where nobody can catch it. A waiter wants two
documents on one stream, a plain `alive` that turns False, and a `close` that leaves no thread behind.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.cloud.firestore_v1.types import ListenRequest, TargetChange

from locking.firestore.wire import FirestoreWire
from locking.store import Key

_TARGET_ID = 1
_CLOSE_SECONDS = 1.0
_HARMLESS = (
    TargetChange.TargetChangeType.NO_CHANGE,
    TargetChange.TargetChangeType.ADD,
    TargetChange.TargetChangeType.CURRENT,
)


class FirestoreWatch:
    """Listens until closed or broken; see `locking.store.Watch`.

    Args:
        wire: the database's methods.
        keys: the documents.
        on_change: called with a key and whether its document exists.
        on_broken: called once if the stream ends without `close()`.
    """

    def __init__(
        self,
        wire: FirestoreWire,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> None:
        self._keys = {wire.name(key): key for key in keys}
        self._on_change = on_change
        self._on_broken = on_broken
        self._closed = False
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        target = {"documents": {"documents": list(self._keys)}, "target_id": _TARGET_ID}
        self._requests.put(ListenRequest.pb()(database=wire.database, add_target=target))
        self._stream = wire.listen(iter(self._requests.get, None))
        self._thread = threading.Thread(target=self._listen, name="lock-watch", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._closed = True
        self._stream.cancel()
        self._requests.put(None)
        self._thread.join(_CLOSE_SECONDS)

    def _listen(self) -> None:
        unheard = set(self._keys)
        try:
            for message in self._stream:
                kind = message.WhichOneof("response_type")
                if kind == "target_change":
                    change = message.target_change.target_change_type
                    if change not in _HARMLESS:
                        break
                    if change == TargetChange.TargetChangeType.CURRENT:
                        # A document that the server has not mentioned by now does not exist.
                        for name in unheard:
                            self._on_change(self._keys[name], False)
                        unheard.clear()
                    continue
                if kind == "filter":  # a change was not reported: no longer reliable
                    break
                exists = kind == "document_change"
                name = message.document_change.document.name if exists else getattr(message, kind).document
                unheard.discard(name)
                self._on_change(self._keys[name], exists)
        except grpc.RpcError:
            pass  # closed by us, or broken: the waiter sees `alive` and polls
        finally:
            self._stream.cancel()
            self._requests.put(None)
            if not self._closed:
                self._on_broken()
