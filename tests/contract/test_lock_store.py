"""What every lock store must do. The lock rests on nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from locking.store import DocumentStore, Key

KEY = Key("grading_locks", "grading_2026-01-17")
TICKETS = "grading_locks/grading_2026-01-17/grading_waiters"
FIELDS = {"holder_id": "a", "heartbeat": 0}
T = 5.0


def create(store: DocumentStore, key: Key = KEY, **fields: Any) -> int:
    version = store.create(key, fields or FIELDS, timeout=T)
    assert version is not None
    return version


class Heard:
    """Collects what a watch tells, for a test to wait on."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self.exists: dict[Key, bool] = {}

    def __call__(self, key: Key, exists: bool) -> None:
        with self._news:
            self.exists[key] = exists
            self._news.notify_all()

    def wait_for(self, **expected: Any) -> None:
        self.wait_until(lambda: self.exists == expected["exists"])

    def wait_until(self, condition: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(condition, timeout=10), f"heard only {self.exists}"


def test_create_returns_a_version_and_refuses_a_second_document(store: DocumentStore) -> None:
    version = create(store)
    assert store.create(KEY, {"holder_id": "b"}, timeout=T) is None
    document = store.read(KEY, timeout=T)
    assert document is not None
    assert (document.version, document.fields) == (version, FIELDS)


def test_reading_an_absent_document_is_none(store: DocumentStore) -> None:
    assert store.read(KEY, timeout=T) is None


def test_every_kind_of_value_survives(store: DocumentStore) -> None:
    fields = {
        "text": "Luka Dončić",
        "int": 2**40,
        "float": 60.5,
        "bool": True,
        "none": None,
        "time": datetime(2026, 1, 17, 4, 30, 0, 123456, tzinfo=UTC),
    }
    create(store, **fields)
    document = store.read(KEY, timeout=T)
    assert document is not None
    assert document.fields == fields


def test_replace_needs_the_current_version(store: DocumentStore) -> None:
    first = create(store)
    second = store.replace(KEY, {"holder_id": "a", "heartbeat": 1}, if_version=first, timeout=T)
    assert second is not None
    assert second > first
    assert store.replace(KEY, {"holder_id": "b"}, if_version=first, timeout=T) is None
    document = store.read(KEY, timeout=T)
    assert document is not None
    assert (document.version, document.fields["heartbeat"]) == (second, 1)


def test_replace_leaves_no_old_field_behind(store: DocumentStore) -> None:
    version = create(store, holder_id="a", extra="x")
    store.replace(KEY, {"holder_id": "b"}, if_version=version, timeout=T)
    document = store.read(KEY, timeout=T)
    assert document is not None
    assert document.fields == {"holder_id": "b"}


def test_replace_and_delete_of_an_absent_document_are_refused(store: DocumentStore) -> None:
    version = create(store)
    assert store.delete(KEY, if_version=version, timeout=T)
    assert store.replace(KEY, FIELDS, if_version=version, timeout=T) is None
    assert not store.delete(KEY, if_version=version, timeout=T)
    assert store.read(KEY, timeout=T) is None


def test_a_stale_delete_changes_nothing(store: DocumentStore) -> None:
    stale = create(store)
    current = store.replace(KEY, {"holder_id": "b"}, if_version=stale, timeout=T)
    assert not store.delete(KEY, if_version=stale, timeout=T)
    document = store.read(KEY, timeout=T)
    assert document is not None
    assert document.version == current


def test_delete_takes_other_documents_along_or_leaves_all(store: DocumentStore) -> None:
    version = create(store)
    ticket, gone = Key(TICKETS, "w1"), Key(TICKETS, "never-there")
    create(store, ticket)
    assert not store.delete(KEY, if_version=version - 1, also=[ticket], timeout=T)
    assert store.read(ticket, timeout=T) is not None
    assert store.delete(KEY, if_version=version, also=[ticket, gone], timeout=T)
    assert store.read(ticket, timeout=T) is None
    assert store.read(KEY, timeout=T) is None


def test_versions_grow_across_deletion(store: DocumentStore) -> None:
    """The token of a later holder is greater, though the document was gone in between."""
    versions = []
    for _ in range(20):
        versions.append(create(store))
        store.delete(KEY, if_version=versions[-1], timeout=T)
    assert versions == sorted(set(versions))


def test_age_counts_from_the_last_write_on_the_servers_clock(store: DocumentStore) -> None:
    version = create(store)
    time.sleep(0.3)
    document = store.read(KEY, timeout=T)
    assert document is not None
    assert 0.3 <= document.age_seconds < 5
    assert store.replace(KEY, {"holder_id": "a", "heartbeat": 1}, if_version=version, timeout=T)
    renewed = store.read(KEY, timeout=T)
    assert renewed is not None
    assert renewed.age_seconds < document.age_seconds


def test_list_and_versions_tell_one_collection_oldest_write_first(store: DocumentStore) -> None:
    keys = [Key("grading_locks", f"grading_2026-01-{day}") for day in (17, 15, 16)]
    versions = [create(store, key) for key in keys]
    create(store, Key(TICKETS, "w1"))
    create(store, Key("publish_locks", "publish_prediction_accuracy"))
    documents = store.list("grading_locks", timeout=T)
    assert [document.key for document in documents] == keys
    assert [document.version for document in documents] == versions
    assert all(document.fields == FIELDS and document.age_seconds >= 0 for document in documents)
    assert list(store.versions("grading_locks", timeout=T)) == list(zip(keys, versions, strict=True))
    assert list(store.versions("empty_locks", timeout=T)) == []


def test_versions_tells_large_collections_whole(store: DocumentStore) -> None:
    """Beyond one page of the server's."""
    for i in range(330):
        create(store, Key(TICKETS, f"w{i}"))
    assert [key.document_id for key, _ in store.versions(TICKETS, timeout=T)] == [f"w{i}" for i in range(330)]


def test_watch_tells_what_is_there_and_each_change(store: DocumentStore) -> None:
    version = create(store)
    ticket = Key(TICKETS, "w1")
    heard = Heard()
    watch = store.watch([KEY, ticket], heard)
    try:
        heard.wait_for(exists={KEY: True, ticket: False})
        create(store, ticket)
        heard.wait_for(exists={KEY: True, ticket: True})
        store.delete(KEY, if_version=version, also=[ticket], timeout=T)
        heard.wait_for(exists={KEY: False, ticket: False})
        create(store)
        heard.wait_for(exists={KEY: True, ticket: False})
        assert watch.alive
    finally:
        watch.close()


def test_a_closed_watch_is_silent_and_leaves_no_thread(store: DocumentStore) -> None:
    before = set(threading.enumerate())
    watch = store.watch([KEY], heard := Heard())
    heard.wait_for(exists={KEY: False})
    watch.close()
    watch.close()
    assert not watch.alive
    create(store)
    left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("lock-")}
    assert not left
    assert heard.exists == {KEY: False}


@pytest.mark.parametrize("contenders", [8])
def test_of_many_creates_at_once_one_succeeds(store: DocumentStore, contenders: int) -> None:
    for round_ in range(5):
        key = Key("grading_locks", f"grading_round_{round_}")
        barrier = threading.Barrier(contenders)
        versions: list[int | None] = []

        def contend(
            key: Key = key, barrier: threading.Barrier = barrier, versions: list[int | None] = versions
        ) -> None:
            barrier.wait()
            versions.append(store.create(key, FIELDS, timeout=T))

        threads = [threading.Thread(target=contend) for _ in range(contenders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(versions) == contenders
        assert sum(version is not None for version in versions) == 1
