"""The contract of the lock store as a state machine: any order of calls, on both stores, beside a model."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from locking.store import DocumentStore, Key
from tests.contract.state_processes import EVERY_STORE, recipe_of
from tests.properties import PLANTED, tries

KEYS = [Key("grading_locks", "a"), Key("grading_locks", "b"), Key("grading_locks/a/waiters", "c")]
# Which version a call names: the one that is there, one that was, or one that never was.
WHICH = st.sampled_from(["current", "earlier", "never"])
T = 5.0


def machine(open_store: Callable[[], DocumentStore]) -> type[RuleBasedStateMachine]:  # noqa: C901 - its rules are short
    """The machine on stores that `open_store` makes."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.store = open_store()
            self.present: dict[Key, tuple[int, int]] = {}
            self.versions: dict[Key, list[int]] = {key: [] for key in KEYS}
            self.number = 0
            # A Firestore database has no name of its own here: each run has keys of its own.
            self.own = uuid.uuid4().hex[:12]

        def key(self, key: Key) -> Key:
            return Key(key.collection.replace("grading_locks", f"locks_{self.own}"), key.document_id)

        def named(self, key: Key, which: str) -> int:
            seen = self.versions[key]
            if which == "current" and key in self.present:
                return self.present[key][0]
            if which == "earlier" and len(seen) > 1:
                return seen[-2]
            return 1

        def wrote(self, key: Key, version: int) -> None:
            assert all(version > earlier for earlier in self.versions[key])
            self.versions[key].append(version)
            self.present[key] = (version, self.number)

        @rule(key=st.sampled_from(KEYS))
        def create(self, key: Key) -> None:
            self.number += 1
            version = self.store.create(self.key(key), {"n": self.number}, timeout=T)
            assert (version is None) == (key in self.present)
            if version is not None:
                self.wrote(key, version)

        @rule(key=st.sampled_from(KEYS), which=WHICH)
        def replace(self, key: Key, which: str) -> None:
            self.number += 1
            named = self.named(key, which)
            version = self.store.replace(self.key(key), {"n": self.number}, if_version=named, timeout=T)
            right = key in self.present and self.present[key][0] == named
            assert (version is not None) == right
            if version is not None:
                self.wrote(key, version)

        @rule(key=st.sampled_from(KEYS), which=WHICH, also=st.lists(st.sampled_from(KEYS), max_size=2, unique=True))
        def delete(self, key: Key, which: str, also: list[Key]) -> None:
            others = [other for other in also if other != key]
            named = self.named(key, which)
            right = key in self.present and self.present[key][0] == named
            deleted = self.store.delete(self.key(key), if_version=named, also=[self.key(o) for o in others], timeout=T)
            assert deleted == right
            for gone in [key, *others] if right else []:
                self.present.pop(gone, None)

        @rule(key=st.sampled_from(KEYS))
        def read(self, key: Key) -> None:
            document = self.store.read(self.key(key), timeout=T)
            found: Any = None if document is None else (document.version, document.fields["n"])
            assert found == self.present.get(key)
            assert document is None or document.age_seconds >= 0

        @rule()
        def list_all(self) -> None:
            collection = self.key(KEYS[0]).collection
            listed = {document.key: document.version for document in self.store.list(collection, timeout=T)}
            there = {self.key(key): version for key, (version, _) in self.present.items() if "waiters" not in str(key)}
            assert listed == there
            assert dict(self.store.versions(collection, timeout=T)) == there

        def teardown(self) -> None:
            self.store.close()

    return Machine


class WithoutPreconditions:
    """The planted fault: a store that replaces and deletes whatever version is there."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _there(self, key: Key, if_version: int) -> int:
        document = self._store.read(key, timeout=T)
        return if_version if document is None else document.version

    def replace(self, key: Key, fields: Any, *, if_version: int, timeout: float) -> int | None:
        return self._store.replace(key, fields, if_version=self._there(key, if_version), timeout=timeout)

    def delete(self, key: Key, *, if_version: int, also: Any = (), timeout: float) -> bool:
        return self._store.delete(key, if_version=self._there(key, if_version), also=also, timeout=timeout)


@pytest.fixture(params=EVERY_STORE)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], DocumentStore]:
    """Opens a store of each kind; each machine uses documents of its own."""
    return recipe_of(request, tmp_path).open


def short(chosen: settings) -> settings:
    return settings(chosen, stateful_step_count=20)


def test_any_order_of_calls_keeps_the_contract(opener: Callable[[], DocumentStore]) -> None:
    run_state_machine_as_test(machine(opener), settings=short(tries(8, 400)))


def test_a_store_without_its_preconditions_is_found(opener: Callable[[], DocumentStore]) -> None:
    planted = machine(lambda: WithoutPreconditions(opener()))  # type: ignore[arg-type, return-value]
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(planted, settings=short(PLANTED))
