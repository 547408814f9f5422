"""Many processes, one lock: their holding intervals, by the machine's monotonic clock, never overlap.

`make test-long` runs Firestore with the full crowd; SQLite always has it.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from locking import DistributedLock, LockTimings
from locking.store import DocumentStore, Fields, Key
from tests.contract.state_processes import StoreRecipe
from tests.faults.lock.worker import CONTEXT
from tests.length import LONG


class Interval(NamedTuple):
    start: float
    end: float
    process: int
    token: int


class WithoutPrecondition:
    """A store whose `create` overwrites what is there: the negative control."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create(self, key: Key, fields: Fields, *, timeout: float) -> int | None:
        while True:
            version = self._inner.create(key, fields, timeout=timeout)
            document = None if version is not None else self._inner.read(key, timeout=timeout)
            if document is not None:
                version = self._inner.replace(key, fields, if_version=document.version, timeout=timeout)
            if version is not None:
                return version


def hold_repeatedly(
    process: int, where: StoreRecipe, barrier: Any, times: int, hold_seconds: float, record: Path, unsafe: bool
) -> None:
    """One contender: acquires and holds, and writes its intervals down while it still holds."""
    store = where.open()
    lock = DistributedLock("demo", store=WithoutPrecondition(store) if unsafe else store, timings=LockTimings())
    barrier.wait(120)
    with record.open("a", buffering=1) as file:
        for _ in range(times):
            with lock.acquire("k", f"process-{process}", 240.0) as lease:
                start = time.monotonic()
                time.sleep(hold_seconds)
                file.write(f"{start!r} {time.monotonic()!r} {process} {lease.token}\n")


def contend(where: StoreRecipe, record: Path, *, processes: int, times: int, unsafe: bool = False) -> list[Interval]:
    """Let processes contend; their intervals in order of start."""
    barrier = CONTEXT.Barrier(processes)
    started = [
        CONTEXT.Process(target=hold_repeatedly, args=(i, where, barrier, times, 0.002, record, unsafe), daemon=True)
        for i in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(300)
    codes = Counter(process.exitcode for process in started)
    for process in started:
        process.kill()
    assert unsafe or codes == {0: processes}
    lines = [line.split() for line in record.read_text().splitlines()]
    return sorted(Interval(float(a), float(b), int(process), int(token)) for a, b, process, token in lines)


def overlaps(intervals: list[Interval]) -> int:
    return sum(later.start < earlier.end for earlier, later in pairwise(intervals))


@pytest.mark.timeout(400)
def test_no_two_holding_intervals_overlap_and_each_process_gets_its_turns(where: StoreRecipe, tmp_path: Path) -> None:
    processes, times = (32, 20) if LONG or where.sqlite_path else (12, 10)
    intervals = contend(where, tmp_path / "intervals", processes=processes, times=times)
    assert overlaps(intervals) == 0
    assert Counter(interval.process for interval in intervals) == dict.fromkeys(range(processes), times)
    assert all(earlier.token < later.token for earlier, later in pairwise(intervals))


def test_without_the_precondition_the_check_goes_red(where: StoreRecipe, tmp_path: Path) -> None:
    """The negative control: the check can fail. Processes that happen to take turns get another chance."""
    rounds = (contend(where, tmp_path / f"round-{n}", processes=4, times=5, unsafe=True) for n in range(10))
    assert any(overlaps(intervals) for intervals in rounds)
