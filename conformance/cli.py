"""`python -m conformance`: says what it will do and cost, does it, reports, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click
from google.api_core import exceptions as api
from rich.console import Console

from conformance import report as reports
from conformance.assertion import Assertion
from conformance.assertions import ASSERTIONS
from conformance.assertions.deployed import sweep_functions
from conformance.connect import Target, local_place, project_place
from conformance.cost import estimate
from conformance.dry_run import list_calls
from conformance.place import Place
from conformance.runner import Result, exit_code, run_all
from conformance.scratch import LIFETIME_SECONDS
from conformance.sweep import refuse_foreign, sweep
from foundation.clock import Clock, Deadline, SystemClock
from foundation.errors import GradingError
from grading.settings import Settings

_RUN_SECONDS = 600.0
_DEEP_SECONDS = 3600.0
_PIPE_WIDTH = 100
_USAGE = 2


@click.command()
@click.option("--project", default="", help="The project to prove it on; without it, the local stack.")
@click.option("--location", default="US", help="Where its datasets are.")
@click.option("--as", "impersonated", default="", help="A service account to impersonate: the deployed one.")
@click.option("--region", default="us-west2", help="Where the scratch function of --deep runs.")
@click.option("--deep", is_flag=True, help="Also what needs a deployed function: minutes, and its own cost.")
@click.option("--tables", is_flag=True, help="Dry-run the statements on the real tables of the environment's settings.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the report to a .json or .md file.")
@click.option("--dry-run", is_flag=True, help="List the API calls and commands with their permissions; send none.")
@click.option("--list", "describing", is_flag=True, help="Say what each assertion promises and how it is tested.")
@click.option("--sweep", "sweeping", is_flag=True, help="Only remove what earlier runs left.")
@click.option("--older-than", default=float(LIFETIME_SECONDS), help="Seconds: how old a leftover must be.")
def main(
    project: str,
    location: str,
    impersonated: str,
    region: str,
    deep: bool,
    tables: bool,
    out: Path | None,
    dry_run: bool,
    describing: bool,
    sweeping: bool,
    older_than: float,
) -> None:
    """Prove on a project, or on the local stack, what the documentation promises."""
    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)
    chosen = [assertion for assertion in ASSERTIONS if deep or not assertion.deep]
    if describing:
        reports.describe(sorted(ASSERTIONS, key=lambda assertion: assertion.number), console)
        return
    if dry_run:
        list_calls(chosen, estimate(chosen), console)
        return
    interrupt = Interrupt()
    signal.signal(signal.SIGINT, interrupt)  # also in the background of a shell
    signal.signal(signal.SIGTERM, interrupt)
    try:
        if out:
            reports.check_path(out)
        if (impersonated or deep or tables) and not project:
            raise click.UsageError("AS, DEEP and TABLES need PROJECT: the local stack knows neither")
        real = Settings.from_environment({**os.environ, "GOOGLE_CLOUD_PROJECT": project}) if tables else None
        target = Target(project=project, location=location, impersonated=impersonated, region=region, real=real)
        with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
            clock = SystemClock()
            with _place(target, Path(directory), clock, console) as place:
                code = _work(
                    place, target, chosen, console, clock, out, timedelta(seconds=older_than), sweeping, deep, interrupt
                )
    except (GradingError, api.GoogleAPICallError, OSError) as error:
        click.echo(f"conformance: {str(error).partition(chr(10))[0]}", err=True)
        sys.exit(_USAGE)
    except KeyboardInterrupt:
        click.echo("conformance: stopped; the scratch was removed", err=True)
        sys.exit(130)
    sys.exit(code)


def _place(target: Target, directory: Path, clock: Clock, console: Console) -> AbstractContextManager[Place]:
    if target.project:
        return project_place(target, clock)
    return local_place(directory, clock, lambda line: console.print(line, markup=False), os.environ)


def _work(
    place: Place,
    target: Target,
    chosen: Sequence[Assertion],
    console: Console,
    clock: Clock,
    out: Path | None,
    older_than: timedelta,
    sweeping: bool,
    deep: bool,
    interrupt: Interrupt,
) -> int:
    """Look, estimate, run, report, clear away. Returns the exit code."""
    refuse_foreign(place.owner, place.documents)
    for removed in sweep(place.owner, place.documents, clock.now(), older_than=older_than):
        console.print(f"removed what an earlier run left: {removed}", markup=False)
    if deep:
        for name in sweep_functions(place, clock.now(), older_than):
            console.print(f"removed what an earlier run left: function and topics {name}", markup=False)
    if sweeping:
        return 0
    expected = estimate(chosen)
    where = f"project {target.project}" if target.project else "the local stack"
    console.print(f"{len(chosen)} assertions on {where}; on a project at most {expected.effort.seconds} s and "
                  f"${expected.usd:.2f}", markup=False)  # fmt: skip
    console.print(f"  {expected.derivation}", markup=False)
    started = clock.monotonic()
    place.deep = deep
    place.deadline = Deadline.after(_DEEP_SECONDS if deep else _RUN_SECONDS, clock)
    try:
        place.prepare()
        results = run_all(ASSERTIONS, place, lambda result: _tell(result, console, interrupt))
        billed = place.bill.billed_bytes() if target.project else None
    finally:
        place.clear()
    report = reports.Report(
        results=results,
        place="a real project" if target.project else "the local stack",
        made=clock.now(),
        seconds=clock.monotonic() - started,
        estimate=expected,
        billed_bytes=billed,
    )
    reports.show(report, console)
    if out:
        reports.write(report, out)
        console.print(f"wrote {out}", markup=False)
    return exit_code(results)


def _tell(result: Result, console: Console, interrupt: Interrupt) -> None:
    verdict = "not proven" if result.observed.missed else str(result.observed.verdict)
    console.print(
        f"  {result.assertion.number:>2} {verdict:<17} {result.seconds:6.1f} s  {result.assertion.name}", markup=False
    )
    interrupt.obey()


class Interrupt:
    """Handles Ctrl-C, and SIGTERM like it: what was made is removed.

    What a handler raises is lost if a destructor is running just then: `obey` raises it again between two assertions.
    """

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def obey(self) -> None:
        """Raise KeyboardInterrupt if it was asked for."""
        if self._asked:
            raise KeyboardInterrupt
