"""Times two revisions of this project on one warehouse, in turns: `python -m bench.paired --base REVISION`.

Each revision runs from a tree of its own, in processes of its own, and writes to a dataset that its own `init` has
made; both read the same generated date. A pair is one run of each, in an order that changes from pair to pair, so that
a machine that grows slower favours neither. Reported are the ratios head/base: a ratio above 1 is slower than the base.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.generated_date import WORST_DATE_ROWS
from bench.place import Place
from bench.report import machine
from bench.worker import DESIGNS, OURS

_ROOT = Path(__file__).resolve().parents[1]
_GIT_SECONDS = 120.0
_INIT_SECONDS = 120.0
# What is compared besides the time: a revision that is as fast by doing more is reported too.
_FIGURES = ("wall", "client_cpu", "jobs", "requests", "bytes_up", "bytes_down", "peak_mib")


def main() -> int:
    """Measure the pairs, print the ratio and its interval; 1 if the interval lies above `--at-most`, else 0."""
    arguments = _arguments()
    # So that the worktrees and the emulators go with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as directory, ExitStack() as trees:
        root = Path(directory)
        base = trees.enter_context(_tree(arguments.base, root / "base"))
        head = trees.enter_context(_tree(arguments.head, root / "head")) if arguments.head else _ROOT
        pairs = measure(root, {"base": base, "head": head}, arguments.design, arguments.rows, arguments.pairs)
    ratios = [pair["head"]["wall"] / pair["base"]["wall"] for pair in pairs]
    low, high, confidence = interval(ratios)
    results = {
        "base": arguments.base,
        "head": arguments.head or "the working tree",
        "design": arguments.design,
        "rows": arguments.rows,
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "ratio": statistics.median(ratios),
        "interval": [low, high],
        "confidence": confidence,
        "ratios": ratios,
        "pairs": pairs,
    }
    _print(results)
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return int(arguments.at_most is not None and low > arguments.at_most)


def measure(root: Path, trees: dict[str, Path], design: str, rows: int, pairs: int) -> list[dict[str, dict[str, Any]]]:
    """`pairs` runs of each side in turn, after one of each that finds an empty table and is not counted."""
    with Place(root, rows, designs=()) as place:
        sides = {side: place.elsewhere(tree, f"nba_side_{side}") for side, tree in trees.items()}
        for side, (tree, environment) in sides.items():
            _tell(f"{side}: init")
            _checked([sys.executable, "-m", "grading", "init"], tree, environment, _INIT_SECONDS)
        found: list[dict[str, dict[str, Any]]] = []
        for number in range(pairs + 1):
            _tell(f"pair {number} of {pairs}" if number else "warming up")
            order = list(sides) if number % 2 else list(reversed(sides))
            pair = {side: place.run(design, sides[side]) for side in order}
            if number:
                found.append(pair)
        return found


def interval(ratios: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """An interval of the median that assumes no distribution, and the confidence that it has.

    Its ends are order statistics: the chance that the median lies below the k-th smallest of n values is that of fewer
    than k heads in n tosses of a coin. The narrowest such interval with at least `confidence` is taken; with fewer than
    six values there is none, and the extremes are given with the confidence that they have.
    """
    ordered, n = sorted(ratios), len(ratios)
    k = 1
    while k < n // 2 and _confidence(n, k + 1) >= confidence:
        k += 1
    return ordered[k - 1], ordered[n - k], _confidence(n, k)


def _confidence(n: int, k: int) -> float:
    """That the median of what `n` values are drawn from lies between the k-th smallest and the k-th largest."""
    return float(1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2**n)


@contextmanager
def _tree(revision: str, path: Path) -> Iterator[Path]:
    """A temporary worktree of a revision."""
    _checked(["git", "worktree", "add", "--detach", "--quiet", str(path), revision], _ROOT, None, _GIT_SECONDS)
    try:
        yield path
    finally:
        _checked(["git", "worktree", "remove", "--force", str(path)], _ROOT, None, _GIT_SECONDS)


def _checked(command: Sequence[str], directory: Path, environment: dict[str, str] | None, seconds: float) -> None:
    """Run a command; its output is shown if it fails.

    Raises:
        SystemExit: it failed.
    """
    ended = subprocess.run(
        command, cwd=directory, env=environment, timeout=seconds, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"paired: `{' '.join(command)}` in {directory} failed:\n{ended.stderr or ended.stdout}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.paired", description=__doc__)
    parser.add_argument("--base", required=True, help="the revision to compare with, for example HEAD~1")
    parser.add_argument("--head", help="the revision to measure; the working tree by default")
    parser.add_argument("--pairs", type=int, default=15, help="runs of each (default 15)")
    parser.add_argument("--rows", type=int, default=int(os.environ.get("ROWS") or WORST_DATE_ROWS))
    parser.add_argument("--design", choices=DESIGNS, default=OURS, help=f"what runs (default {OURS!r})")
    parser.add_argument("--at-most", type=float, help="exit 1 if even the interval's lower end is above this ratio")
    parser.add_argument("--out", default=os.environ.get("OUT"), help="write all figures to this JSON file")
    arguments = parser.parse_args()
    if arguments.pairs < 1:
        parser.error(f"--pairs {arguments.pairs}: at least one; six or more give an interval of 95 %")
    return arguments


def _print(results: dict[str, Any]) -> None:
    ratios, pairs = results["ratios"], results["pairs"]
    print(f"{results['design']}, {results['rows']:,} predictions; {results['machine']}; {results['date']}")
    print(f"base: {results['base']}; head: {results['head']}; {len(pairs)} pairs, run in turns\n")
    print(f"| figure | base | head | ratio |\n| --- |{' ---: |' * 3}")
    for name in _FIGURES:
        base, head = (statistics.median(pair[side][name] for pair in pairs) for side in ("base", "head"))
        print(f"| {name}, median | {base:,.2f} | {head:,.2f} | {head / base if base else math.nan:.3f} |")
    low, high = results["interval"]
    print(f"\nRatio of the times, head to base: median {results['ratio']:.3f}")
    print(f"Interval of the median ({results['confidence']:.1%} confidence): {low:.3f} to {high:.3f}")
    print(f"Spread of the ratios: {min(ratios):.3f} to {max(ratios):.3f}")


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
