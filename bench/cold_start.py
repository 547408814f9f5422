"""What a cold start costs: the time and memory of importing the function, and what is left for its first use.

    python -m bench.cold_start            (make bench-cold-start; OUT=file.json)

Measured on the package as it is deployed: the files that .gcloudignore keeps, in a fresh venv that holds
requirements.txt alone, a new process for each sample. Memory is read from /proc: on Linux.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from localdev.environment import isolated
from localdev.function import FunctionServer
from localdev.package import Package, build

SAMPLES = 7

LAZY = {
    "google.cloud.firestore": "the first lock of a process",
    "google.cloud.secretmanager": "the first alert",
    "google.cloud.monitoring_v3": "the first metrics, at the end of an invocation",
    "google.cloud.pubsub_v1": "GRADING_COMPLETE_TOPIC, if it is set",
}
"""Modules that importing the function must not load, and what loads them."""

_GROUPS = {
    "functions-framework, its web server and CloudEvents": (
        r"functions_framework|flask|werkzeug|jinja2|cloudevents|click|starlette|uvicorn|gunicorn|watchdog|blinker"
    ),
    "BigQuery's client": r"google\.cloud\.bigquery|google\.cloud\._helpers|google\.resumable_media|google_crc32c",
    "Google's common parts (auth, api-core, gRPC, protobuf)": (
        r"google|grpc|proto|cryptography|opentelemetry|pyasn1|cffi"
    ),
    "HTTP (requests, urllib3)": r"requests|urllib3|certifi|idna|charset_normalizer",
    "this project": r"main|grading|locking|alerts|validation|maintenance|monitoring",
}

_MEASURE = """
import json, resource, sys, time
before = set(sys.modules)
def rss(): return int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()
def measure(*names):
    start, cpu, memory = time.perf_counter(), time.process_time(), rss()
    for name in names:
        __import__(name)
    ms = {'ms': (time.perf_counter() - start) * 1000, 'cpu_ms': (time.process_time() - cpu) * 1000}
    return {**ms, 'mib': (rss() - memory) / 2**20}
bare = rss() / 2**20
found = {'main': measure('main'), 'bare_mib': bare, 'loaded': [name for name in sys.argv[1:] if name in sys.modules]}
found['modules'] = len(set(sys.modules) - before)
found['mib_after'] = rss() / 2**20
found['lazy'] = {name: measure(name) for name in sys.argv[1:]}
print(json.dumps(found))
"""


def sample(package: Package) -> dict[str, Any]:
    """One fresh process that imports `main`, then each lazy module after it."""
    run = _python(package, "-c", _MEASURE, *LAZY)
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def import_shares(package: Package) -> dict[str, float]:
    """Milliseconds of importing `main` by group: each module's own time, without what it imports."""
    report = _python(package, "-X", "importtime", "-c", "import main").stderr
    shares: dict[str, float] = dict.fromkeys([*_GROUPS, "the standard library and the rest"], 0.0)
    for own, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", report):
        group = next((group for group, names in _GROUPS.items() if re.match(rf"(?:{names})(\W|_|$)", name)), None)
        shares[group or "the standard library and the rest"] += int(own) / 1000
    return shares


def first_answer(package: Package, directory: Path) -> tuple[float, float]:
    """Seconds from starting functions-framework until the application answers, and the worker's peak MiB."""
    server = FunctionServer(
        environment={"GOOGLE_CLOUD_PROJECT": "cold-start"},
        log_directory=directory,
        instances=1,
        source=package.directory / "main.py",
        python=package.python,
    )
    start = time.perf_counter()
    with server:
        return time.perf_counter() - start, _largest_process(server)


def _largest_process(server: FunctionServer) -> float:
    """The largest peak of resident memory among the server's processes, known by their port, in MiB."""
    peaks = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"--port\0{server.port}\0".encode() in (entry / "cmdline").read_bytes():
                peaks += re.findall(r"VmHWM:\s+(\d+)", (entry / "status").read_text())
        except (ProcessLookupError, FileNotFoundError, PermissionError):
            continue
    return max((int(peak) for peak in peaks), default=0) / 1024


def _python(package: Package, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(package.python), *arguments],
        cwd=package.directory, env=isolated(), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


def measure(directory: Path, tell: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Build the package in `directory` and measure it; medians of SAMPLES fresh processes."""
    tell("Installing requirements.txt into a fresh venv")
    package = build(directory)
    sample(package)  # writes the byte code, as the image's build does
    tell(f"{SAMPLES} fresh processes")
    samples = [sample(package) for _ in range(SAMPLES)]
    answers = [first_answer(package, directory / f"server-{number}") for number in range(3)]

    def median(get: Callable[[Mapping[str, Any]], float]) -> float:
        return round(statistics.median(get(each) for each in samples), 1)

    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "import_ms": median(lambda each: each["main"]["ms"]),
        "import_cpu_ms": median(lambda each: each["main"]["cpu_ms"]),
        "interpreter_mib": median(lambda each: each["bare_mib"]),
        "after_import_mib": median(lambda each: each["mib_after"]),
        "modules": samples[0]["modules"],
        "loaded_too_early": samples[0]["loaded"],
        "import_ms_by_group": {name: round(ms, 1) for name, ms in import_shares(package).items()},
        "lazy": {
            name: {
                "loaded_by": reason,
                "cpu_ms": median(lambda each, name=name: each["lazy"][name]["cpu_ms"]),  # type: ignore[misc]
                "mib": median(lambda each, name=name: each["lazy"][name]["mib"]),  # type: ignore[misc]
            }
            for name, reason in LAZY.items()
        },
        "start_to_first_answer_s": round(statistics.median(each[0] for each in answers), 2),
        "worker_peak_mib": round(statistics.median(each[1] for each in answers), 1),
    }


def show(found: Mapping[str, Any]) -> None:
    """Print the figures as tables."""
    print(f"\nCold start of the deployed package ({found['machine']}; medians of {SAMPLES} fresh processes)\n")
    rows = [
        ("import main: CPU time", f"{found['import_cpu_ms']:.0f} ms", f"{found['modules']} modules"),
        ("import main: wall time", f"{found['import_ms']:.0f} ms", "more if other processes run"),
        ("memory: interpreter", f"{found['interpreter_mib']:.0f} MiB", ""),
        ("memory: after the import", f"{found['after_import_mib']:.0f} MiB", "of 1,024 MiB"),
        ("functions-framework: start to first answer", f"{found['start_to_first_answer_s']:.2f} s", ""),
        ("functions-framework: a worker's peak", f"{found['worker_peak_mib']:.0f} MiB", ""),
    ]
    _table(("what", "measured", ""), rows)
    print("\nWhere the import's time goes (one run under -X importtime, which slows it down)\n")
    groups: Mapping[str, float] = found["import_ms_by_group"]
    _table(("part", "own time", ""), [(name, f"{ms:.0f} ms", "") for name, ms in groups.items()])
    print("\nLoaded at first use, not at the start (cost after the import above)\n")
    lazy: Mapping[str, Mapping[str, Any]] = found["lazy"]
    _table(
        ("module", "CPU time, memory", "loaded by"),
        [
            (name, f"{each['cpu_ms']:.0f} ms, {each['mib']:.0f} MiB", str(each["loaded_by"]))
            for name, each in lazy.items()
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(3)]
    for row in [head, tuple("-" * width for width in widths), *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> int:
    """Measure and print; exits 1 if something is loaded at the start that should wait for its first use."""
    with tempfile.TemporaryDirectory() as directory:
        found = measure(Path(directory), tell=lambda text: print(f"{text} …", file=sys.stderr))
    show(found)
    if out := os.environ.get("OUT"):
        Path(out).write_text(json.dumps(found, indent=2) + "\n")
    if found["loaded_too_early"]:
        print(f"\nLoaded at the start, though nothing there needs it: {', '.join(found['loaded_too_early'])}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
