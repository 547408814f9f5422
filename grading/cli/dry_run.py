"""`grade --dry-run`: what would change, and what the checks say."""

from __future__ import annotations

from collections.abc import Sequence

from foundation.clock import Deadline
from foundation.events import EventLog
from grading.cli.console import make_console, waiting_for
from grading.cli.diff import show
from grading.processors import AGGREGATES, GRADING, Processor
from grading.report.preview import preview
from grading.run import Request
from grading.wiring import Application


def show_previews(
    application: Application, request: Request, processors: Sequence[Processor], deadline: Deadline
) -> bool:
    """Show what each processor would do; False if one of them would be refused."""
    console = make_console()
    good = True
    for processor in processors:
        with waiting_for(console, f"Staging {processor.name}"):
            found = preview(application.settings, application.warehouse, processor, request, deadline, EventLog())
        console.print(f"{found.date} {found.processor}: would end as {found.status}", style="bold")
        for check in found.checks:
            console.print(
                f"  {check.verdict:<5}{check.check:<11}{check.text}", markup=False, highlight=False, soft_wrap=True
            )
            good = good and check.verdict != "fail"
        if found.difference:
            show(console, found.difference)
    if GRADING in processors and any(processor in processors for processor in AGGREGATES):
        console.print("The aggregates are computed from the grades that are published now, not from those shown here.")
    console.print("Nothing was published.")
    return good
