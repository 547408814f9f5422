"""A process that acquires, holds and releases a lock when it is told to, so that it can be stopped and killed."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from foundation.clock import Deadline, SystemClock
from foundation.errors import GradingError, LockStoreUnavailable
from foundation.events import Event, EventLog
from localdev.processes import freeze, thaw
from locking import DistributedLock, Lease, LockTimings
from locking.store import Key
from tests.contract.state_processes import StoreRecipe
from tests.processes import CONTEXT


class SkewedClock(SystemClock):
    """A wall clock that is wrong by some seconds."""

    def __init__(self, seconds: float) -> None:
        self._skew = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._skew


@dataclass
class Events:
    """A sink that keeps the names and fields."""

    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.seen.append((event.name, dict(event.fields)))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a worker says: a value or an error's name, when it was done, and how long it took."""

    value: Any = None
    error: str | None = None
    at: float = 0.0
    seconds: float = 0.0


class Worker:
    """The parent's handle on one process. A context manager: leaving it kills the process."""

    def __init__(self, where: StoreRecipe, timings: LockTimings, *, skew_seconds: float = 0.0) -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(theirs, where, timings, skew_seconds), daemon=True)
        self._process.start()
        theirs.close()

    def start(self, command: str, **arguments: Any) -> None:
        """Give a command without waiting for its reply."""
        self._pipe.send((command, arguments))

    def reply(self, timeout_seconds: float = 60.0) -> Reply:
        """The reply to the oldest command."""
        assert self._pipe.poll(timeout_seconds), "the worker does not answer"
        reply = self._pipe.recv()
        assert isinstance(reply, Reply)
        return reply

    def do(self, command: str, **arguments: Any) -> Reply:
        """Give a command and wait for its reply: `acquire(wait=…)`, `ensure_held`, `abandon`, `release`,
        `events`, `hang(seconds=…)`."""
        self.start(command, **arguments)
        return self.reply()

    def has_replied(self) -> bool:
        return self._pipe.poll(0)

    def pause(self) -> None:
        freeze(self._pid)

    def resume(self) -> None:
        thaw(self._pid)

    def kill(self) -> None:
        self._process.kill()
        self._process.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self.kill()
        self._pipe.close()

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid


class _Session:
    def __init__(self, where: StoreRecipe, timings: LockTimings, skew_seconds: float) -> None:
        self.sink = Events()
        self.clock = SkewedClock(skew_seconds)
        store = where.open()
        with suppress(LockStoreUnavailable):  # connect: a first call may take a second, which is not the lock's
            store.read(Key("warm", "up"), timeout=20.0)
        self.lock = DistributedLock(
            "demo", store=store, timings=timings, clock=self.clock, events=EventLog([self.sink])
        )
        self.context: AbstractContextManager[Lease] | None = None
        self.lease: Lease | None = None

    def acquire(self, key: str = "k", wait: float = 30.0, deadline: float | None = None) -> dict[str, Any]:
        until = None if deadline is None else Deadline.after(deadline, self.clock)
        context = self.lock.acquire(key, f"pid-{os.getpid()}", wait, deadline=until)
        lease = context.__enter__()
        self.context, self.lease = context, lease
        taken_from = None if lease.taken_from is None else lease.taken_from.holder_id
        return {
            "holder_id": lease.holder_id,
            "token": lease.token,
            "contended": lease.contended,
            "taken_from": taken_from,
        }

    def ensure_held(self) -> None:
        assert self.lease is not None
        self.lease.ensure_held()

    def abandon(self) -> None:
        assert self.lease is not None
        self.lease.abandon()

    def release(self) -> None:
        assert self.context is not None
        self.context.__exit__(None, None, None)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return self.sink.seen

    def hang(self, seconds: float) -> None:
        time.sleep(seconds)


def _serve(pipe: Connection, where: StoreRecipe, timings: LockTimings, skew_seconds: float) -> None:
    session = _Session(where, timings, skew_seconds)
    while True:
        try:
            command, arguments = pipe.recv()
        except EOFError:
            return
        started = time.monotonic()
        value, error = None, None
        try:
            value = getattr(session, command)(**arguments)
        except GradingError as failure:
            error = type(failure).__name__
        at = time.monotonic()
        pipe.send(Reply(value=value, error=error, at=at, seconds=at - started))
