"""The lock store on SQLite: for one machine, across its processes.

Each call is one short `BEGIN IMMEDIATE` transaction, so writers are serialised by the database file. The
"server's clock" is the machine's, read inside the transaction; a version is forced past the last one given
out, also past those of documents long deleted.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from foundation.errors import LockStoreUnavailable
from locking.store import Change, Document, Fields, Key, StoreUnanswered

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, document_id TEXT NOT NULL, fields TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (collection, document_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (version INTEGER NOT NULL);
INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM clock);
"""
_OPEN_SECONDS = 5.0
_WATCH_SECONDS = 0.005


class SQLiteLockStore:
    """Lock documents in one SQLite file.

    Args:
        path: the database file, on a local disk; created if it is absent.

    Raises:
        LockStoreUnavailable: the file cannot be opened or is not a database.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._mutex = threading.Lock()
        self._connection = _connect(self._path)
        with self._mutex, _errors():
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        with self._transaction(timeout) as database:
            if _version(database, key) is not None:
                return None
            return _write(database, key, fields)

    def read(self, key: Key, *, timeout: float) -> Document | None:
        with self._transaction(timeout, begin="BEGIN") as database:
            now = _now(database)
            row = database.execute(
                "SELECT document_id, fields, version FROM documents WHERE collection = ? AND document_id = ?", key
            ).fetchone()
            return None if row is None else _document(key.collection, row, now)

    def replace(self, key: Key, fields: Fields, *, if_version: int, timeout: float) -> int | None:
        with self._transaction(timeout) as database:
            return _write(database, key, fields) if _version(database, key) == if_version else None

    def delete(self, key: Key, *, if_version: int, also: Sequence[Key] = (), timeout: float) -> bool:
        with self._transaction(timeout) as database:
            if _version(database, key) != if_version:
                return False
            database.executemany("DELETE FROM documents WHERE collection = ? AND document_id = ?", [key, *also])
            return True

    def commit(self, changes: Sequence[Change], *, timeout: float) -> Sequence[int] | None:
        with self._transaction(timeout) as database:
            if not all(_may_change(database, change) for change in changes):
                return None
            return [_change(database, change) for change in changes]

    def watch(
        self,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> SQLiteWatch:
        return SQLiteWatch(self._path, keys, on_change, on_broken)

    def list(self, collection: str, *, timeout: float) -> Sequence[Document]:
        with self._transaction(timeout, begin="BEGIN") as database:
            now = _now(database)
            rows = database.execute(
                "SELECT document_id, fields, version FROM documents WHERE collection = ? ORDER BY version",
                (collection,),
            ).fetchall()
            return [_document(collection, row, now) for row in rows]

    def versions(self, collection: str, *, timeout: float) -> Sequence[tuple[Key, int]]:
        return [(document.key, document.version) for document in self.list(collection, timeout=timeout)]

    def close(self) -> None:
        with self._mutex:
            self._connection.close()

    @contextmanager
    def _transaction(self, timeout: float, *, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._mutex, _errors():
            self._connection.execute(f"PRAGMA busy_timeout = {max(1, int(timeout * 1000))}")
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


class SQLiteWatch:
    """Polls `PRAGMA data_version`, a counter that another connection's commit moves: microseconds a look."""

    def __init__(
        self,
        path: str,
        keys: Sequence[Key],
        on_change: Callable[[Key, bool], None],
        on_broken: Callable[[], None] = lambda: None,
    ) -> None:
        self._path, self._keys, self._on_change, self._on_broken = path, keys, on_change, on_broken
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="lock-watch", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _poll(self) -> None:
        seen: dict[Key, int | None] = {}
        data_version = None
        with suppress(sqlite3.Error, LockStoreUnavailable):
            database = _connect(self._path)
            try:
                while not self._closed.is_set():
                    (latest,) = database.execute("PRAGMA data_version").fetchone()
                    if latest != data_version:
                        data_version = latest
                        for key in self._keys:
                            version = _version(database, key)
                            if key not in seen or seen[key] != version:
                                seen[key] = version
                                self._on_change(key, version is not None)
                    self._closed.wait(_WATCH_SECONDS)
            finally:
                database.close()
        if not self._closed.is_set():
            self._on_broken()


def _connect(path: str) -> sqlite3.Connection:
    with _errors():
        database = sqlite3.connect(path, timeout=_OPEN_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _write_ahead(database)
            # A lock that survives a power cut protects nobody: its holder did not. So no fsync per commit.
            database.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            database.close()
            raise
        return database


def _write_ahead(database: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log.

    If several processes open a new file at once, SQLite refuses all but one of them without waiting, since
    waiting could be for each other (https://www.sqlite.org/c3ref/busy_handler.html): so they ask again.
    """
    until = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        time.sleep(_WATCH_SECONDS)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreUnanswered(f"SQLite did not answer: {error}") from error
        raise LockStoreUnavailable(f"SQLite failed: {error}") from error
    except sqlite3.Error as error:
        raise LockStoreUnavailable(f"SQLite failed: {error}") from error


def _now(database: sqlite3.Connection) -> int:
    """Microseconds since the epoch; never less than the last version given out."""
    (last,) = database.execute("SELECT version FROM clock").fetchone()
    return max(time.time_ns() // 1000, int(last))


def _version(database: sqlite3.Connection, key: Key) -> int | None:
    row = database.execute("SELECT version FROM documents WHERE collection = ? AND document_id = ?", key).fetchone()
    return None if row is None else int(row[0])


def _may_change(database: sqlite3.Connection, change: Change) -> bool:
    if change.fields is None and change.if_version is None:
        return True
    return _version(database, change.key) == change.if_version


def _change(database: sqlite3.Connection, change: Change) -> int:
    if change.fields is not None:
        return _write(database, change.key, change.fields)
    database.execute("DELETE FROM documents WHERE collection = ? AND document_id = ?", change.key)
    return 0


def _write(database: sqlite3.Connection, key: Key, fields: Fields) -> int:
    version = _now(database) + 1
    database.execute("UPDATE clock SET version = ?", (version,))
    encoded = json.dumps(fields, default=_encode)
    database.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (*key, encoded, version))
    return version


def _document(collection: str, row: tuple[str, str, int], now: int) -> Document:
    document_id, fields, version = row
    age_seconds = (now - version) / 1_000_000
    return Document(Key(collection, document_id), json.loads(fields, object_hook=_decode), version, age_seconds)


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    raise TypeError(f"a lock document cannot hold {type(value).__name__}")


def _decode(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["$datetime"]) if set(value) == {"$datetime"} else value
