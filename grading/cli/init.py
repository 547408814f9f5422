"""`python -m grading init`."""

from __future__ import annotations

import click

from grading.clock import Deadline
from grading.init import create_tables
from grading.wiring import application_for_terminal


@click.command()
def init() -> None:
    """Create the datasets, tables and fences that are missing. Safe to run again."""
    application = application_for_terminal()
    deadline = Deadline.after(300, application.clock)
    for name in create_tables(application.settings, application.warehouse, deadline):
        click.echo(f"ready: {name}")
