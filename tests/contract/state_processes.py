"""Processes that share state through a lock store: opened by a recipe, spoken to over a pipe."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from locking.store import DocumentStore, Fields, Key
from tests.processes import CONTEXT

_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class StoreRecipe:
    """How any process opens one and the same store: an SQLite file, or a project of the Firestore emulator."""

    sqlite_path: str = ""
    firestore_host: str = ""
    project: str = ""
    unconditional: bool = False

    def open(self) -> DocumentStore:
        store: DocumentStore
        if self.sqlite_path:
            from locking.sqlite_store import SQLiteLockStore

            store = SQLiteLockStore(self.sqlite_path)
        else:
            from google.auth.credentials import AnonymousCredentials
            from google.cloud import firestore

            from locking.firestore.store import FirestoreLockStore

            with patch.dict(os.environ, FIRESTORE_EMULATOR_HOST=self.firestore_host):
                client = firestore.Client(project=self.project, credentials=AnonymousCredentials())
                store = FirestoreLockStore(client)
        return UnconditionalStore(store) if self.unconditional else store  # type: ignore[return-value]


EVERY_STORE = ("sqlite", pytest.param("firestore", marks=pytest.mark.firestore))
"""The parameters of a fixture that makes its test run once on each store."""


def recipe_of(request: pytest.FixtureRequest, folder: Path) -> StoreRecipe:
    """A new empty store of the kind that the fixture's parameter names; its file, if it has one, is in `folder`."""
    name = uuid.uuid4().hex[:12]
    if request.param == "sqlite":
        return StoreRecipe(sqlite_path=str(folder / f"{name}.sqlite3"))
    return StoreRecipe(firestore_host=request.getfixturevalue("firestore_emulator").host, project=f"demo-{name}")


class UnconditionalStore:
    """The negative control: writes whatever the version is, a moment after it was asked to."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        time.sleep(0.05)
        version = self._store.create(key, fields, timeout=timeout)
        return version if version is not None else self.replace(key, fields, if_version=0, timeout=timeout)

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        time.sleep(0.05)
        while True:
            document = self._store.read(key, timeout=timeout)
            if document is None:
                return self._store.create(key, fields, timeout=timeout)
            version = self._store.replace(key, fields, if_version=document.version, timeout=timeout)
            if version is not None:
                return version


Commands = Mapping[str, Callable[..., Any]]


class Worker:
    """One process that carries out named commands, one at a time.

    `make(recipe, *arguments)` runs in the process and returns its commands.
    """

    def __init__(self, make: Callable[..., Commands], recipe: StoreRecipe, *arguments: Any) -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_serve, args=(theirs, make, recipe, arguments), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, command: str, *arguments: Any) -> None:
        """Start a command, without waiting."""
        self._pipe.send((command, arguments))

    def answer(self) -> Any:
        """What the command that was started returned."""
        if not self._pipe.poll(_ANSWER_SECONDS):
            raise TimeoutError("the worker did not answer")
        return self._pipe.recv()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.join(_ANSWER_SECONDS)
        self._pipe.close()


@contextmanager
def workers(count: int, make: Callable[..., Commands], recipe: StoreRecipe, *arguments: Any) -> Iterator[list[Worker]]:
    """Several workers, each ready; killed at the end."""
    started = [Worker(make, recipe, *arguments) for _ in range(count)]
    try:
        for worker in started:
            assert worker.answer() == "ready"
        yield started
    finally:
        for worker in started:
            worker.kill()


def at_once(group: list[Worker], command: str, *arguments: Any) -> list[Any]:
    """The command in every worker at the same time; the answers."""
    for worker in group:
        worker.ask(command, *arguments)
    return [worker.answer() for worker in group]


def _serve(pipe: Connection, make: Callable[..., Commands], recipe: StoreRecipe, arguments: tuple[Any, ...]) -> None:
    commands = make(recipe, *arguments)
    pipe.send("ready")
    while True:
        try:
            name, given = pipe.recv()
        except EOFError:
            return
        pipe.send(commands[name](*given))
