"""A document that many processes change, one change after the other: compare-and-swap in one place.

Why it is safe: a change is computed from the document that was read, and is written only if its version has not
moved since; otherwise it is computed anew. A write whose answer was lost is recognised by the stamp that it carries.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from locking.store import Document, DocumentStore, Fields, Key, StoreContended, StoreUnanswered

_ATTEMPTS = 10
_STAMP = "written_by"


@dataclass(frozen=True, slots=True)
class Updated:
    """A change that was made: the version that it gave the document, and what the document was before."""

    version: int
    before: Document | None


def update(
    store: DocumentStore, key: Key, change: Callable[[Document | None], Fields | None], *, timeout: float
) -> Updated | None:
    """Change a document, or create it.

    Args:
        store: where it lives.
        key: which document.
        change: given what is there now (None: nothing), returns the new fields, or None to leave it. It may be
            called several times, and may raise.
        timeout: seconds for each call of the store.

    Returns:
        The change that was made, or None if `change` left the document as it is.

    Raises:
        StoreContended: the document moved at each of ten attempts.
        LockStoreUnavailable: the store gave no usable answer.
    """
    for _ in range(_ATTEMPTS):
        before = store.read(key, timeout=timeout)
        fields = change(before)
        if fields is None:
            return None
        version = _swap(store, key, before, {**fields, _STAMP: uuid.uuid4().hex}, timeout)
        if version is not None:
            return Updated(version, before)
    raise StoreContended(f"{key} moved {_ATTEMPTS} times.")


def _swap(store: DocumentStore, key: Key, before: Document | None, fields: Fields, timeout: float) -> int | None:
    """The new version if this call made the change, else None."""
    try:
        if before is None:
            return store.create(key, fields, timeout=timeout)
        return store.replace(key, fields, if_version=before.version, timeout=timeout)
    except StoreContended:
        return None
    except StoreUnanswered:
        document = store.read(key, timeout=timeout)
        mine = document is not None and document.fields.get(_STAMP) == fields[_STAMP]
        return document.version if document is not None and mine else None
