"""The command line: `python -m grading`. Exit codes: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

import sys

import click

from foundation.errors import GradingError, InvalidSettings
from grading.cli.backfill import backfill
from grading.cli.catch_up import catch_up
from grading.cli.check import check
from grading.cli.compare import compare
from grading.cli.dedupe import dedupe
from grading.cli.grade import grade
from grading.cli.init import init
from grading.cli.locks import locks
from grading.cli.recompute import recompute
from grading.cli.staging import staging
from grading.cli.status import status
from grading.cli.undo import undo
from grading.cli.ungraded import ungraded


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Grade prediction dates in BigQuery: never a duplicate, never a hole.

    \b
    First time:            python -m grading init
    Grade one date:        python -m grading grade --date 2026-01-16
    Grade many dates:      python -m grading backfill --start 2026-01-01 --end 2026-01-31
    Grade what was missed: python -m grading catch-up
    See what happened:     python -m grading status --last 20
    See what is wrong:     python -m grading check

    Every command reads its configuration from the environment; GOOGLE_CLOUD_PROJECT is required.
    """


for command in (
    init,
    grade,
    backfill,
    catch_up,
    status,
    recompute,
    dedupe,
    undo,
    staging,
    ungraded,
    check,
    locks,
    compare,
):
    commands.add_command(command)


def main() -> None:
    """Run the command line, and turn our errors into one line and an exit code."""
    try:
        commands()
    except InvalidSettings as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except GradingError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
