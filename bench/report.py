"""The benchmark's tables, as Markdown: what is printed is what the documentation shows."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

from bench.worker import OURS, OURS_ALL


def machine() -> str:
    """What ran it, in one line."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {load:.1f} at the start, "
        f"Python {platform.python_version()}, bqemulator {version('bqemulator')}, duckdb {version('duckdb')}"
    )


def print_report(results: dict[str, Any]) -> None:
    """Print every table that there are figures for."""
    print(
        f"{results['rows']:,} predictions, {results['graded_rows']:,} graded; {results['machine']}; {results['date']}\n"
    )
    print("\n".join(_designs(results)))
    print(
        f"\nGrading is {results['faster_than_replaced']:.1f} times as fast as the replaced design (bar: 30), and takes "
        f"{results['slower_than_two_jobs']:.2f} times a bare DELETE and INSERT (bar: 1.4)."
    )
    if results["readers"]:
        print("\nWhat a reader saw, with one writer and with two at once:\n")
        print("\n".join(_readers(results["readers"])))
    print("\nWhere the time goes, in milliseconds:\n")
    print("\n".join(_steps(results["designs"])))
    if growth := results.get("growth"):
        print("\nGrowth:\n")
        print("\n".join(_growth(growth)))
        print(
            f"\nExponent {growth['exponent']:.2f} over all, {growth['marginal_exponent']:.2f} between the two largest "
            f"(bar: 1.05); client memory grows by {growth['memory_growth_mib']:.1f} MiB (bar: 20). Each further row "
            f"takes {growth['marginal_ratio']:.2f} times what it takes the bare pair."
        )


def _designs(results: dict[str, Any]) -> list[str]:
    lines = _head(
        "design",
        "seconds",
        "client CPU s",
        "client peak MiB",
        "jobs",
        "up KiB",
        "down KiB",
        "statements in the transaction",
    )
    for design, run in results["designs"].items():
        inside = f"{run['statements_in_transaction']:.0f}" if run["statements_in_transaction"] else "none"
        lines.append(
            f"| {design} | {run['wall']:.2f} | {run['client_cpu']:.2f} | {run['peak_mib']:,.0f} | {run['jobs']:.0f} "
            f"| {run['bytes_up'] / 1024:,.0f} | {run['bytes_down'] / 1024:,.0f} | {inside} |"
        )
    return lines


def _readers(readers: dict[str, Any]) -> list[str]:
    lines = _head(
        "design",
        "empty or in part, ms",
        "doubled, ms",
        "two: empty or in part, ms",
        "two: doubled, ms",
        "two: duplicates left",
    )
    for design, (one, two) in readers.items():
        lines.append(
            f"| {design} | {one['empty_ms'] + one['partial_ms']} | {one['doubled_ms']} "
            f"| {two['empty_ms'] + two['partial_ms']} | {two['doubled_ms']} | {two['excess_rows']:,} |"
        )
    return lines


def _steps(designs: dict[str, Any]) -> list[str]:
    lines = _head("step", OURS, OURS_ALL)
    ours, both = designs[OURS]["steps"], designs[OURS_ALL]["steps"]
    for step in sorted(set(ours) | set(both), key=lambda name: -both.get(name, 0.0)):
        lines.append(f"| {step} | {ours.get(step, 0.0) * 1000:.0f} | {both.get(step, 0.0) * 1000:.0f} |")
    return lines


def _growth(growth: dict[str, Any]) -> list[str]:
    lines = _head(
        "rows", "seconds", "bare pair, seconds", "ratio", "client CPU s", "client peak MiB", "up and down KiB"
    )
    for run, bare in zip(growth["runs"], growth["two_jobs"], strict=True):
        moved = (run["bytes_up"] + run["bytes_down"]) / 1024
        lines.append(
            f"| {run['rows']:,} | {run['wall']:.2f} | {bare:.2f} | {run['wall'] / bare:.2f} | {run['client_cpu']:.2f} "
            f"| {run['peak_mib']:,.1f} | {moved:,.0f} |"
        )
    return lines


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"| --- |{' ---: |' * (len(names) - 1)}"]
