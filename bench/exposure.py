"""What a reader sees while a design writes: one writer, and two at once as on the day of the accident."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.place import Place
from localdev.environment import isolated
from localdev.settings import as_environment

_ROOT = Path(__file__).resolve().parents[1]
_READER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """Milliseconds in which the date was not whole, and the rows too many that were left at the end."""

    writers: int
    empty_ms: int
    partial_ms: int
    doubled_ms: int
    polls: int
    excess_rows: int


def expose(place: Place, design: str, *, writers: int) -> Exposure:
    """Let `writers` processes grade the date by a design at once, and a reader poll it until they have ended.

    Begins with a date that one writer wrote last.
    """
    place.run(design)
    rows = place.fingerprint(design)[0]
    reader = subprocess.Popen(
        [sys.executable, "-m", "bench.reader", str(place.target(design)), str(rows)],
        cwd=_ROOT,
        env=isolated() | as_environment(place.settings(design)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout is not None
        if reader.stdout.readline().strip() != "reading":
            raise RuntimeError("the reader did not start")
        processes = [place.start(design) for _ in range(writers)]
        place.begin(processes)
        for process in processes:
            place.finish(process)
        output, _ = reader.communicate(timeout=_READER_SECONDS)
    finally:
        reader.kill()
        reader.wait()
    seen = json.loads(output)
    return Exposure(
        writers=writers,
        empty_ms=seen.get("empty", 0),
        partial_ms=seen.get("partial", 0),
        doubled_ms=seen.get("doubled", 0),
        polls=seen["polls"],
        excess_rows=place.fingerprint(design)[0] - rows,
    )


def worst(exposures: Iterable[Exposure]) -> Exposure:
    """The one with the longest time in which the date was not whole."""
    return max(exposures, key=lambda seen: (seen.excess_rows, seen.empty_ms + seen.partial_ms + seen.doubled_ms))
