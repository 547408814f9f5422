"""The command line: `python -m grading`. Exit codes: see `grading.cli.exits`."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings

import click

from foundation.errors import GradingError
from grading.cli.accuracy import accuracy
from grading.cli.backfill import backfill
from grading.cli.catch_up import catch_up
from grading.cli.check import check
from grading.cli.compare import compare
from grading.cli.dedupe import dedupe
from grading.cli.diff import diff
from grading.cli.exits import FAILED
from grading.cli.explain import explain
from grading.cli.failures import explain as explain_failure
from grading.cli.grade import grade
from grading.cli.init import init
from grading.cli.locks import locks
from grading.cli.recompute import recompute
from grading.cli.report import report
from grading.cli.staging import staging
from grading.cli.status import status
from grading.cli.undo import undo
from grading.cli.ungraded import ungraded
from grading.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Grade prediction dates in BigQuery: never a duplicate, never a hole.

    \b
    First time:            python -m grading init
    Is yesterday fine?     python -m grading status
    Grade one date:        python -m grading grade --date yesterday
    Grade many dates:      python -m grading backfill --start 2026-01-01 --end 2026-01-31
    Grade what was missed: python -m grading catch-up
    Understand a date:     python -m grading explain 2026-01-16
    See what is wrong:     python -m grading check

    Every command reads its configuration from the environment; GOOGLE_CLOUD_PROJECT is required. Each takes
    --format json, --wide and --debug. Exit codes: 0 done, 1 failed, 2 wrong usage.
    """


for command in (
    init,
    grade,
    backfill,
    catch_up,
    status,
    explain,
    diff,
    report,
    recompute,
    dedupe,
    undo,
    staging,
    ungraded,
    check,
    compare,
    accuracy,
    locks,
):
    commands.add_command(command)


def main() -> None:
    """Run the command line; an error is one line and the command that mends it, unless `--debug` is given."""
    debug = "--debug" in sys.argv
    if not debug:
        # Google's libraries warn of what `explain` says in one line.
        logging.getLogger().addHandler(logging.NullHandler())
        warnings.simplefilter("ignore")
    try:
        commands(prog_name="python -m grading")
    except Exception as error:
        if debug:
            raise
        failure = explain_failure(error, _settings())
        click.echo(f"error: {failure.line}", err=True)
        if failure.command:
            click.echo(f"  {failure.command}", err=True)
        sys.exit(FAILED)


def _settings() -> Settings | None:
    with contextlib.suppress(GradingError):
        return Settings.from_environment(os.environ)
    return None
