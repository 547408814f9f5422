"""`python -m grading init`."""

from __future__ import annotations

import click

from grading.cli.output import Column, Output, with_output
from grading.writing.schema import create_tables

_READY: tuple[Column[str], ...] = (Column(name="table", heading="Ready", value=lambda name: name, whole=True),)


@click.command()
@with_output(warehouse=False)
def init(out: Output) -> None:
    """Create the datasets, tables and fences that are missing. Safe to run again."""
    application = out.application
    with out.waiting("Creating what is missing"):
        names = list(create_tables(application.settings, application.jobs("init", 300)))
    out.table("ready", _READY, names)
