"""What a run leaves, found again and removed: its own at its end, others' once they are an hour old."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.cloud import bigquery, firestore

from conformance.scratch import LABEL, PREFIX, REGISTER, NotOurs, Scratch, run_of_dataset
from locking.store import Document, DocumentStore, Key

_CALL_SECONDS = 20.0
_FIELD = "collections"


@dataclass(frozen=True, slots=True)
class Documents:
    """The scratch collections of a database, by what the register says of them.

    `client` lists the database's collections; None for a store that is this run's alone.
    """

    store: DocumentStore
    client: firestore.Client | None = None

    def register(self, scratch: Scratch, collections: Sequence[str]) -> None:
        """Write down which collections a run will make, before it does."""
        fields = {LABEL[0]: LABEL[1], _FIELD: " ".join(collections)}
        self.store.create(Key(REGISTER, scratch.run), fields, timeout=_CALL_SECONDS)

    def runs(self) -> dict[str, Document]:
        """Every run that wrote down its collections. Raises `NotOurs` for an entry that this command did not make."""
        found = {}
        for document in self.store.list(REGISTER, timeout=_CALL_SECONDS):
            if document.fields.get(LABEL[0]) != LABEL[1]:
                raise NotOurs(f"document {document.key} is not one that this command makes")
            found[Scratch(document.key.document_id).run] = document
        return found

    def refuse_foreign(self) -> None:
        """Raises `NotOurs` if a collection has our prefix and no run wrote it down."""
        if self.client is None:
            return
        known = {REGISTER} | {
            name.partition("/")[0] for document in self.runs().values() for name in collections_of(document)
        }
        for collection in self.client.collections(timeout=_CALL_SECONDS):
            if collection.id.startswith(PREFIX) and collection.id not in known:
                raise NotOurs(
                    f"collection {collection.id} has the prefix {PREFIX}, and is not one that this command makes"
                )

    def remove(self, document: Document) -> None:
        """Delete what a run left, and its entry last: a sweep that is cut short begins again."""
        # The innermost first: a collection beneath a lock is not found through a lock that is gone.
        for collection in sorted(collections_of(document), key=len, reverse=True):
            for key, version in self.store.versions(collection, timeout=_CALL_SECONDS):
                self.store.delete(key, if_version=version, timeout=_CALL_SECONDS)
        self.store.delete(document.key, if_version=document.version, timeout=_CALL_SECONDS)


def collections_of(document: Document) -> list[str]:
    """The collections that a run wrote down."""
    names = str(document.fields.get(_FIELD, "")).split()
    for name in names:
        if not name.startswith(PREFIX):
            raise NotOurs(f"document {document.key} names the collection {name}, which is not a scratch collection")
    return names


def datasets_of_ours(client: bigquery.Client) -> Iterator[tuple[str, Scratch]]:
    """Every scratch dataset. Raises `NotOurs` for one that has our prefix, and not our label or form of name."""
    for listed in client.list_datasets(timeout=_CALL_SECONDS):
        name = listed.dataset_id
        if not name.startswith(PREFIX):
            continue
        if listed.labels.get(LABEL[0]) != LABEL[1]:
            raise NotOurs(
                f"dataset {name} has the prefix {PREFIX}, and not the label {'='.join(LABEL)}: it is not ours. "
                f"Nothing was made. Rename it, or use another project"
            )
        yield name, run_of_dataset(name)


def refuse_foreign(client: bigquery.Client, documents: Documents) -> None:
    """Raises `NotOurs` if a name with our prefix belongs to someone else. Called before anything is made."""
    list(datasets_of_ours(client))
    documents.refuse_foreign()


def sweep(client: bigquery.Client, documents: Documents, now: datetime, *, older_than: timedelta) -> list[str]:
    """Remove what runs that are older than this left behind. Returns what was removed."""
    removed = []
    for name, scratch in list(datasets_of_ours(client)):
        if now - scratch.made >= older_than:
            remove_dataset(client, name)
            removed.append(f"dataset {name}")
    for run, document in documents.runs().items():
        if now - Scratch(run).made >= older_than:
            documents.remove(document)
            removed.append(f"collections of run {run}")
    return removed


def remove_dataset(client: bigquery.Client, name: str) -> None:
    """Delete a scratch dataset and its tables. Raises `NotOurs` for any other."""
    run_of_dataset(name)
    client.delete_dataset(name, delete_contents=True, not_found_ok=True, timeout=_CALL_SECONDS)
