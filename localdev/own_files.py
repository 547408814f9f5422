"""Puts one's own CSV files into the local stack that runs."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import click

from foundation import figures
from grading.settings import Settings
from grading.wiring import Application
from localdev.load import load_slate
from localdev.processes import StartFailed
from localdev.run_stack import DEFAULT_FILE
from localdev.slate import INPUT_TABLES, PREDICTIONS, SlateError, read_slate

_CALL_SECONDS = 60.0


def dates_in(directory: Path) -> list[date]:
    """The dates that a directory has predictions of.

    Raises:
        SlateError: there is none.
    """
    pattern = re.compile(rf"{PREDICTIONS.file_prefix}_(\d{{4}}-\d{{2}}-\d{{2}})\.csv")
    found = sorted(match[1] for path in directory.iterdir() if (match := pattern.fullmatch(path.name)))
    if not found:
        raise SlateError(f"{directory} holds no {PREDICTIONS.file_prefix}_YYYY-MM-DD.csv: name the files so")
    try:
        return [date.fromisoformat(text) for text in found]
    except ValueError as error:
        raise SlateError(f"{directory} holds files of a date that does not exist: {error}") from error


def load_directory(directory: Path) -> None:
    """Replace the dates of a directory's files in the stack that this shell points at.

    Every file is read before anything is changed.

    Raises:
        SlateError: a file cannot be used.
        StartFailed: this shell points at no local stack.
    """
    slates = {day: read_slate(directory, day) for day in dates_in(directory)}
    if not os.environ.get("BIGQUERY_API_ENDPOINT"):
        raise StartFailed(f"this shell points at no local stack: run `make stack`, and here `source {DEFAULT_FILE}`")
    settings = Settings.from_environment(os.environ)
    client = Application(settings, sinks=()).bigquery_client
    for day, slate in slates.items():
        for table in INPUT_TABLES:
            client.query_and_wait(
                f"DELETE FROM `{settings.input_table(table.setting)}` WHERE game_date = '{day}'",
                api_timeout=_CALL_SECONDS,
            )
        counts = load_slate(client, settings, slate)
        loaded = ", ".join(f"{figures.counted(count, 'row')} of {name}" for name, count in counts.items())
        click.echo(f"{day}: {loaded}")
        click.echo(f"  python -m grading grade --date {day}")
