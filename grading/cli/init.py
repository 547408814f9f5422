"""`python -m grading init`."""

from __future__ import annotations

import click

from grading.wiring import application_for_terminal
from grading.writing.schema import create_tables


@click.command()
def init() -> None:
    """Create the datasets, tables and fences that are missing. Safe to run again."""
    application = application_for_terminal()
    for name in create_tables(application.settings, application.jobs("init", 300)):
        click.echo(f"ready: {name}")
