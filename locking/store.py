"""The storage port of the lock: a few single-attempt operations on versioned documents.

A store makes one attempt per call and never retries: an answer that got lost is reported as
`StoreUnanswered`, and the protocol above resolves it by reading. "Exists already" and "the version has
moved on" are results (`None` or `False`), not exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from foundation.errors import LockStoreUnavailable

Fields = Mapping[str, Any]


class StoreUnanswered(LockStoreUnavailable):
    """The store did not answer: the operation may or may not have been carried out."""


class StoreContended(LockStoreUnavailable):
    """The store refused for contention (ABORTED): nothing was carried out, try again at once."""


class Key(NamedTuple):
    """Where a document lives: `grading_locks` / `grading_2026-01-17`."""

    collection: str
    document_id: str

    def __str__(self) -> str:
        return f"{self.collection}/{self.document_id}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was at one read.

    `version` is the server's commit time of the last write in microseconds since the epoch: strictly
    increasing per document, also across deletion and re-creation. `age_seconds` is the server's read time
    minus that commit time: no client clock takes part.

    Field values are strings, integers, floats, booleans, None and timezone-aware datetimes.
    """

    key: Key
    fields: Fields
    version: int
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """One document's part of a commit.

    With `fields` and no `if_version` it is created, with both it is replaced; without `fields` it is deleted, if the
    version still is `if_version`, or whatever it is.
    """

    key: Key
    fields: Fields | None = None
    if_version: int | None = None


class Watch(Protocol):
    """A running subscription to a few documents."""

    @property
    def alive(self) -> bool:
        """False once the subscription has broken; the waiter then relies on its safety poll."""

    def close(self) -> None:
        """Stop, and release threads and connections. Idempotent."""


class DocumentStore(Protocol):
    """Versioned documents with compare-and-swap; see the module's text for what each call may raise.

    Every call takes at most `timeout` seconds, and raises `StoreUnanswered`, `StoreContended` or
    `LockStoreUnavailable` (refused for good: permission, missing database).
    """

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        """Create the document. Returns its version, or None if it exists already."""

    def read(self, key: Key, *, timeout: float) -> Document | None:
        """The document from the server (never a cache), or None."""

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        """Replace all fields if the version still is `if_version`. Returns the new version, or None."""

    def delete(self, key: Key, *, if_version: int, also: Sequence[Key] = (), timeout: float) -> bool:
        """Delete if the version still is `if_version`; False if it is not, or the document is gone.

        The documents of `also` are deleted in the same commit, whatever their version; if the answer is
        False, they stay.
        """

    def commit(self, changes: Sequence[Change], *, timeout: float) -> Sequence[int] | None:
        """Carry out all changes, or none of them if one is refused: then None.

        Returns the new versions in the order of the changes; of a deletion some number.
        """

    def watch(
        self,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> Watch:
        """Call `on_change` with a key and whether its document exists: first for what is there now, then at
        each change. `on_broken` is called once if the subscription ends without `close()`.

        Called on a thread of the store's; it must return at once. The same news may come twice. It is a hint:
        nothing safe may rest on it.
        """

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        """Every document of a collection, oldest version first."""

    def versions(self, collection: str, *, timeout: float) -> Sequence[tuple[Key, int]]:
        """Key and version of every document of a collection, oldest version first: a list for little money."""

    def close(self) -> None:
        """Release connections."""
