"""Grading a large date by our service and by other designs, on one local warehouse in one run: `make bench`.

Each design runs in processes of its own, in turn, several rounds; medians are reported. The replaced design is slow and
runs fewer rounds. A reader's polls would slow what is timed, so they come afterwards, in runs of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.exposure import expose, worst
from bench.generated_date import WORST_DATE_ROWS
from bench.growth import exponent, marginal_exponent
from bench.place import Place
from bench.report import machine, print_report
from bench.worker import DESIGNS, OURS, REPLACED, TWO_JOBS

_GROWTH_ROWS = (10_000, 100_000, WORST_DATE_ROWS, 1_000_000)


def main() -> int:
    """Measure, print the tables, write the file; 1 if designs disagree about the rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.grading", description=__doc__)
    parser.add_argument("--out", default=os.environ.get("OUT"), help="write all figures to this JSON file")
    parser.add_argument("--rows", type=int, default=int(os.environ.get("ROWS") or WORST_DATE_ROWS))
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each design (default 5)")
    parser.add_argument("--no-growth", action="store_true", help="leave out the dates of 10 k to 1 M rows")
    parser.add_argument("--no-readers", action="store_true", help="leave out what a reader sees meanwhile")
    arguments = parser.parse_args()
    results: dict[str, Any] = {
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": arguments.rows,
        "rounds": arguments.rounds,
    }
    with tempfile.TemporaryDirectory() as directory:
        results |= compare(Path(directory), arguments.rows, arguments.rounds, readers=not arguments.no_readers)
    if not arguments.no_growth:
        results["growth"] = grow(_GROWTH_ROWS if arguments.rows >= WORST_DATE_ROWS else (1_000, 3_000, 10_000))
    print_report(results)
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if not results["same_rows"]:
        print("The designs do not give the same rows: the figures mean nothing.", file=sys.stderr)
    return 0 if results["same_rows"] else 1


def compare(directory: Path, rows: int, rounds: int, *, readers: bool) -> dict[str, Any]:
    """Every design, in turn, on one warehouse."""
    runs: dict[str, list[dict[str, Any]]] = {design: [] for design in DESIGNS}
    with Place(directory, rows) as place:
        for design in DESIGNS:
            _tell(f"warming up: {design}")
            place.run(design)  # the first run finds an empty table; the others replace a graded date
        prints = {design: place.fingerprint(design) for design in DESIGNS}
        for number in range(rounds):
            for design in DESIGNS:
                if design != REPLACED or number < max(1, rounds // 3):
                    _tell(f"round {number + 1} of {rounds}: {design}")
                    runs[design].append(place.run(design))
        seen = {}
        if readers:
            for design in DESIGNS:
                _tell(f"with a reader: {design}")
                tries = 1 if design == REPLACED else 3
                seen[design] = [worst(expose(place, design, writers=w) for _ in range(tries)) for w in (1, 2)]
    medians = {design: _median(found) for design, found in runs.items()}
    return {
        "same_rows": len(set(prints.values())) == 1,
        "graded_rows": prints[OURS][0],
        "designs": medians,
        "readers": {design: [asdict(e) for e in found] for design, found in seen.items()},
        "faster_than_replaced": medians[REPLACED]["wall"] / medians[OURS]["wall"],
        "slower_than_two_jobs": statistics.median(
            ours["wall"] / bare["wall"] for ours, bare in zip(runs[OURS], runs[TWO_JOBS], strict=True)
        ),
        "walls": {design: [round(run["wall"], 3) for run in found] for design, found in runs.items()},
    }


def grow(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Grade dates of several sizes, each on a fresh warehouse, ours and the bare pair in turn; medians of three."""
    found, bare = [], []
    for rows in sizes:
        _tell(f"growth: {rows} rows")
        with tempfile.TemporaryDirectory() as directory, Place(Path(directory), rows, (OURS, TWO_JOBS)) as place:
            runs: dict[str, list[dict[str, Any]]] = {OURS: [], TWO_JOBS: []}
            for number in range(4):
                for design, kept in runs.items():
                    run = place.run(design)
                    if number:  # the first finds an empty table
                        kept.append(run)
            found.append({"rows": rows, **_median(runs[OURS])})
            bare.append(_median(runs[TWO_JOBS])["wall"])
    walls = [run["wall"] for run in found]
    return {
        "runs": found,
        "two_jobs": bare,
        "exponent": exponent(sizes, walls),
        "marginal_exponent": marginal_exponent(sizes, walls),
        "marginal_ratio": (walls[-1] - walls[0]) / (bare[-1] - bare[0]),
        "memory_growth_mib": found[-1]["peak_mib"] - found[0]["peak_mib"],
    }


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure, and of each step."""
    first = runs[0]
    figures = {
        name: statistics.median(run[name] for run in runs)
        for name, value in first.items()
        if isinstance(value, float | int)
    }
    steps = {step for run in runs for step in run["steps"]}
    return figures | {
        "design": first["design"],
        "steps": {step: statistics.median(run["steps"].get(step, 0.0) for run in runs) for step in sorted(steps)},
    }


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
