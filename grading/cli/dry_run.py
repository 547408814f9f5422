"""`grade --dry-run`: what would change, and what the checks say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from foundation.clock import Deadline
from foundation.events import EventLog
from grading.cli.diff import show
from grading.cli.output import Output
from grading.processors import AGGREGATES, GRADING, Processor
from grading.report.preview import preview
from grading.run import Request


def show_previews(out: Output, request: Request, processors: Sequence[Processor], deadline: Deadline) -> bool:
    """Show what each processor would do; False if one of them would be refused."""
    application, good, previews = out.application, True, []
    for processor in processors:
        with out.waiting(f"Staging {processor.name}"):
            found = preview(application.settings, application.warehouse, processor, request, deadline, EventLog())
        previews.append(asdict(found))
        out.line(f"{found.date} {found.processor}: would end as {found.status}", "bold")
        for check in found.checks:
            out.item(f"{check.verdict:<5}{check.check:<11}", check.text)
            good = good and check.verdict != "fail"
        if found.difference:
            show(out, found.difference)
    if GRADING in processors and any(processor in processors for processor in AGGREGATES):
        out.line("The aggregates are computed from the grades that are published now, not from those shown here.")
    out.line("Nothing was published.")
    out.fact("previews", previews)
    return good
