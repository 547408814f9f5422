"""`python -m localdev`: the local stack, with a week of games in it, until Ctrl-C.

    python -m localdev                          the stack (also: make stack)
    python -m localdev load DIRECTORY           your own CSV files, into the stack that runs
    python -m localdev publish yesterday        an event, to the stack that runs

Exit status: 0 ended by Ctrl-C or done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import click

from grading.cli.exits import FAILED, USAGE
from localdev.bigquery import LOCAL_PROJECT
from localdev.processes import StartFailed
from localdev.run_stack import DEFAULT_FILE, run_stack
from localdev.slate import SlateError
from localdev.stack import TOPIC


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--days", type=click.IntRange(0, 60), default=7, show_default=True, help="Days of sample games to load.")
@click.option(
    "--environment", "file", type=click.Path(dir_okay=False, path_type=Path), default=DEFAULT_FILE, show_default=True,
    help="The file to write, for a shell to source.",
)  # fmt: skip
@click.pass_context
def main(context: click.Context, days: int, file: Path) -> None:
    """Run the local stack until Ctrl-C: BigQuery, Firestore, Pub/Sub and Slack, as emulators, and the function.

    It is loaded with a week of made-up games up to yesterday. Each event of the function and each Slack message is
    printed as it comes. A file is written that points another shell at it.
    """
    if context.invoked_subcommand:
        return
    # Also in the background, if a shell has interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="grading-stack-") as directory:
            run_stack(Path(directory), days=days, file=file)
    except StartFailed as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(FAILED)


@main.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def load(directory: Path) -> None:
    """Put the CSV files of a directory into the stack of this shell.

    The files are named as `make demo` takes them: player_prop_predictions_DATE.csv, player_game_summary_DATE.csv and,
    if there is one, injury_report_DATE.csv. Every date that is there is loaded, in place of what the stack had of it.
    """
    from localdev.own_files import load_directory

    try:
        load_directory(directory)
    except SlateError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(USAGE)
    except StartFailed as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(FAILED)


@main.command()
@click.argument("target_date")
def publish(target_date: str) -> None:
    """Publish an event for a date to the stack of this shell: YYYY-MM-DD, today or yesterday."""
    from localdev.function import post_event

    url = os.environ.get("LOCAL_FUNCTION_URL")
    if not url:
        click.echo(
            f"error: this shell points at no local stack: run `make stack`, and `source {DEFAULT_FILE}`", err=True
        )
        sys.exit(FAILED)
    message = {"target_date": target_date, "trigger_source": "localdev"}
    answer = post_event(url, message, project=LOCAL_PROJECT, topic=TOPIC)
    click.echo(f"The function answered {answer.status_code}; what it did is in the stack's terminal.")


if __name__ == "__main__":
    main(prog_name="python -m localdev")
