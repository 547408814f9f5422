"""What the Firestore client does not offer under a public name: its generated API client and what each call needs.

Used for the two calls that the client wraps in a costlier form (Listen, ListDocuments). The library's own
modules take them the same way; the contract suite holds this together when the library is upgraded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from google.cloud import firestore


class Wire(NamedTuple):
    """`database`: `projects/…/databases/…`; `api`: the generated client; `metadata`: routing for each call."""

    database: str
    api: Any
    metadata: Any


def wire(client: firestore.Client) -> Wire:
    """The wire of a client, with its channel and credentials."""
    return Wire(client._database_string, client._firestore_api, client._rpc_metadata)  # noqa: SLF001
