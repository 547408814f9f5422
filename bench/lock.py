"""The lock beside a polling one, on one Firestore emulator in one run: `make bench-lock`, `OUT=file.json`.

Times depend on the machine and its load; the bars are those of the project for a quiet machine with 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.lock_contenders import HOLD_SECONDS, TAKEOVER_LEASE_SECONDS, Contender, HandOff, build, hand_off, takeover
from localdev.firestore import FirestoreEmulator
from localdev.firestore_proxy import FirestoreProxy
from localdev.processes import StartFailed

_CONTENDERS: tuple[Contender, ...] = ("ours", "poll 0.1 s", "poll 5 s")
_PAIRS = 200
_COUNTED_PAIRS = 20


@dataclass(frozen=True)
class Row:
    """One measurement, for the table and the file."""

    what: str
    contender: Contender
    figures: dict[str, Any]
    text: str
    bar: str = ""
    reached: bool | None = None


def main() -> int:
    """Measure, print the table, write the file; 1 if a bar is missed and `--check` was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.lock", description=__doc__)
    parser.add_argument("--out", default=os.environ.get("OUT"), help="write all figures to this JSON file")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each hand-off of ours (default 5)")
    parser.add_argument("--full", action="store_true", help="32 contenders of the polling lock too: ten minutes more")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    arguments = parser.parse_args()
    os.environ["GRPC_VERBOSITY"] = "ERROR"  # the proxy's end is no news
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        try:
            emulator = FirestoreEmulator(log_directory=Path(directory)).start()
        except StartFailed as error:
            print(f"bench-lock needs the Firestore emulator: {error}", file=sys.stderr)
            return 1
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, Firestore emulator\n")
        try:
            for row in _measure(emulator.host, Path(directory), arguments.rounds, arguments.full):
                rows.append(row)
                reached = {None: "", True: "reached", False: "MISSED"}[row.reached]
                print(f"{row.what:<30} {row.contender:<11} {row.text:<46} {row.bar:<34} {reached}", flush=True)
        finally:
            emulator.stop()
    if arguments.out:
        machine = {"cores": os.cpu_count(), "load": load, "python": platform.python_version()}
        Path(arguments.out).write_text(json.dumps({"machine": machine, "rows": [asdict(r) for r in rows]}, indent=1))
        print(f"\nwritten to {arguments.out}")
    return int(arguments.check and any(row.reached is False for row in rows))


def _measure(host: str, directory: Path, rounds: int, full: bool) -> Iterator[Row]:
    yield from _uncontended(host)
    for processes in (2, 8, 32):
        for contender in _CONTENDERS:
            ours = contender == "ours"
            if processes == 32 and not ours and not full:
                continue
            record = directory / "intervals"
            results = hand_off(contender, host, processes=processes, rounds=rounds if ours else 1, record=record)
            yield _hand_off_row(contender, processes, results)
    for contender in _CONTENDERS:
        seconds = takeover(contender, host)
        bar = TAKEOVER_LEASE_SECONDS + 1
        ours = contender == "ours"
        yield Row(
            what=f"takeover, SIGKILL, lease {TAKEOVER_LEASE_SECONDS:g} s",
            contender=contender,
            figures={"seconds": seconds, "lease_seconds": TAKEOVER_LEASE_SECONDS},
            text=f"{seconds:.2f} s",
            bar=f"≤ lease + 1 s = {bar:g} s" if ours else "",
            reached=seconds <= bar if ours else None,
        )


def _uncontended(host: str) -> Iterator[Row]:
    pair: tuple[Contender, ...] = ("ours", "poll 5 s")
    locks = {contender: build(contender, host) for contender in pair}
    times: dict[Contender, list[float]] = {contender: [] for contender in pair}
    for i in range(_PAIRS + 20):
        for contender, lock in locks.items():  # in turns, so that both meet the same load
            begun = time.perf_counter()
            with lock.acquire("uncontended", "bench", 10.0):
                pass
            if i >= 20:
                times[contender].append((time.perf_counter() - begun) * 1000)
    medians = {contender: statistics.median(values) for contender, values in times.items()}
    for contender in pair:
        calls = _count_calls(contender, host)
        per_pair = sum(calls.values()) / _COUNTED_PAIRS
        ratio = medians["ours"] / medians["poll 5 s"]
        ours = contender == "ours"
        yield Row(
            what="uncontended acquire + release",
            contender=contender,
            figures={"median_ms": medians[contender], "rpcs": per_pair, "calls": calls},
            text=f"{medians[contender]:.1f} ms, {per_pair:g} RPCs",
            bar="2 RPCs, ≤ 0.5 × the polling lock's" if ours else "",
            reached=per_pair == 2 and ratio <= 0.5 if ours else None,
        )


def _count_calls(contender: Contender, host: str) -> dict[str, int]:
    with FirestoreProxy(host) as proxy:
        lock = build(contender, proxy.host)
        proxy.calls.clear()
        for _ in range(_COUNTED_PAIRS):
            with lock.acquire("counted", "bench", 10.0):
                pass
        return dict(proxy.calls)


def _hand_off_row(contender: Contender, processes: int, results: list[HandOff]) -> Row:
    total = statistics.median(result.total_seconds for result in results)
    gap = statistics.median(result.median_gap_ms for result in results)
    longest = max(gap for result in results for gap in result.gaps_ms)
    bar, reached = "", None
    if contender == "ours" and processes == 8:
        bar, reached = "median gap ≤ 25 ms, total ≤ 0.7 s", gap <= 25 and total <= 0.7
    elif contender == "ours" and processes == 32:
        bar, reached = "total ≤ 2.5 s", total <= 2.5
    ideal = processes * HOLD_SECONDS
    return Row(
        what=f"hand-off, {processes} × {HOLD_SECONDS * 1000:.0f} ms",
        contender=contender,
        figures={"rounds": [asdict(r) for r in results], "total_seconds": total, "median_gap_ms": gap},
        text=f"gap {gap:.1f} (max {longest:.0f}) ms, total {total:.2f} s (ideal {ideal:.1f})",
        bar=bar,
        reached=reached,
    )


if __name__ == "__main__":
    sys.exit(main())
