"""The processes of the lock's bench, and what is measured from their holding intervals."""

from __future__ import annotations

import os
import signal
import statistics
import time
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

from google.cloud import firestore

from bench.polling_lock import PollingLock
from locking import DistributedLock, LockTimings
from locking.firestore.store import FirestoreLockStore

HOLD_SECONDS = 0.05
TAKEOVER_LEASE_SECONDS = 6.0
_WAIT_SECONDS = 600.0

Contender = Literal["ours", "poll 0.1 s", "poll 5 s"]

# Processes are forked from a server that has imported what they need, and connect before the start signal.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class HandOff:
    """One round: everyone wants the lock at once and holds it once."""

    total_seconds: float
    gaps_ms: list[float]
    overlaps: int

    @property
    def median_gap_ms(self) -> float:
        return statistics.median(self.gaps_ms)


def build(contender: Contender, host: str, *, takeover: bool = False) -> Any:
    """A lock with a connection of its own to the emulator at `host`."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    client = firestore.Client(project="demo-bench")
    client.document("warm/up").get()
    if contender == "ours":
        lease = TAKEOVER_LEASE_SECONDS
        short = LockTimings(lease_seconds=lease, renew_every_seconds=lease / 3, rpc_timeout_seconds=lease / 4)
        timings = short if takeover else LockTimings()
        return DistributedLock("demo-bench", store=FirestoreLockStore(client), timings=timings)
    poll_seconds = 0.1 if contender == "poll 0.1 s" else 5.0
    lock_seconds = TAKEOVER_LEASE_SECONDS if takeover else 300.0
    return PollingLock(client, poll_seconds=poll_seconds, lock_seconds=lock_seconds)


def hand_off(contender: Contender, host: str, *, processes: int, rounds: int, record: Path) -> list[HandOff]:
    """Let processes contend for one lock, `rounds` times; if there are several, after one to warm up."""
    warm = int(rounds > 1)
    barrier = _CONTEXT.Barrier(processes)
    started = [
        _CONTEXT.Process(target=_contend, args=(contender, host, rounds + warm, barrier, record), daemon=True)
        for _ in range(processes)
    ]
    try:
        for process in started:
            process.start()
        for process in started:
            process.join(_WAIT_SECONDS)
            if process.exitcode != 0:
                raise RuntimeError(f"a contender ended with {process.exitcode}")
    finally:
        for process in started:
            process.kill()
            process.join()
    held: dict[int, list[tuple[float, float, float]]] = {}
    for line in record.read_text().splitlines():
        round_, begun, start, end = line.split()
        held.setdefault(int(round_), []).append((float(start), float(end), float(begun)))
    record.unlink()
    return [_measure(sorted(held[round_])) for round_ in range(warm, rounds + warm)]


def _measure(intervals: list[tuple[float, float, float]]) -> HandOff:
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(intervals)]
    begun = min(interval[2] for interval in intervals)
    return HandOff(
        total_seconds=intervals[-1][1] - begun,
        gaps_ms=[gap * 1000 for gap in gaps],
        overlaps=sum(gap < 0 for gap in gaps),
    )


def _contend(contender: Contender, host: str, rounds: int, barrier: Any, record: Path) -> None:
    lock = build(contender, host)
    with record.open("a", buffering=1) as file:
        for round_ in range(rounds):
            barrier.wait(_WAIT_SECONDS)
            begun = time.monotonic()
            with lock.acquire(f"round-{round_}", f"pid-{os.getpid()}", _WAIT_SECONDS):
                start = time.monotonic()
                time.sleep(HOLD_SECONDS)
                end = time.monotonic()
            file.write(f"{round_} {begun!r} {start!r} {end!r}\n")


def takeover(contender: Contender, host: str) -> float:
    """Seconds from the SIGKILL of a holder until a waiter holds the lock; the lease is 6 s."""
    ours, theirs = _CONTEXT.Pipe()
    holder, waiter = (
        _CONTEXT.Process(target=_hold_for_ever, args=(contender, host, theirs), daemon=True) for _ in range(2)
    )
    try:
        holder.start()
        ours.recv()
        waiter.start()
        time.sleep(1.0)  # let it find the lock held
        killed = time.monotonic()
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
        held = ours.recv()
    finally:
        for process in (holder, waiter):
            process.kill()
            process.join()
    return float(held) - killed


def _hold_for_ever(contender: Contender, host: str, pipe: Any) -> None:
    with build(contender, host, takeover=True).acquire("takeover", f"pid-{os.getpid()}", _WAIT_SECONDS):
        pipe.send(time.monotonic())
        time.sleep(_WAIT_SECONDS)
