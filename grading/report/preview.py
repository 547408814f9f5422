"""What a run would publish: staged, measured, checked and compared by the code that writes; nothing is published.

The writer runs as it is, with a publisher that compares instead: so what a preview says of a date is decided by the
very lines that decide it in earnest. No lock is taken, no run is recorded; the staging table is dropped as always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from foundation.clock import Deadline
from foundation.errors import Transient
from foundation.events import EventLog
from grading.batch import Batch
from grading.outcome import Status, Written
from grading.processors import Processor
from grading.report.diff import Difference, compare
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.publish_script import AuditNote
from grading.writing.staging import ComputedRows, Staged
from grading.writing.writer import Writer
from warehouse.bigquery import Warehouse


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check of a write: `pass`, `warn` or `fail` (it would not be published), and why, in words."""

    check: str
    verdict: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How a run would end, what each check says, and what would change (None: nothing would be published)."""

    processor: str
    date: str
    status: Status
    checks: Sequence[Verdict]
    difference: Difference | None


class _Comparing:
    """Stands in for the publisher: compares what would be published with what is there."""

    def __init__(self) -> None:
        self.difference: Difference | None = None

    def publish(
        self, batch: Batch, staged: Staged, notes: Mapping[date, AuditNote], events: EventLog
    ) -> Mapping[date, Transient]:
        """Compare; see `grading.report.diff.compare`."""
        del notes, events
        known = [column for column in batch.jobs.warehouse.columns(batch.target) if column.name in staged.columns]
        self.difference = compare(batch.lead, old=batch.target, new=staged.table, known=known)
        return {}


def preview(
    settings: Settings,
    warehouse: Warehouse,
    processor: Processor,
    request: Request,
    deadline: Deadline,
    events: EventLog,
) -> Preview:
    """What a run of a date would do. Raises what `Writer.write` raises."""
    comparing = _Comparing()
    # A write that would be refused for its size is compared all the same: the difference says why it is small.
    run = Run.start(processor, replace(request, allow_shrink=True), settings, warehouse, deadline)
    source = ComputedRows(lambda _optional: None)
    written = Writer(comparing, settings.min_keys_ratio).write(run, source, events)
    shrinks = _shrinks(written, settings, request)
    return Preview(
        processor=processor.name,
        date=run.lock_key,
        status=Status.SHRUNK if shrinks.verdict == "fail" and written.status.published else written.status,
        checks=[_rows(written), _duplicates(written), shrinks, *_coverage(written, settings)],
        difference=comparing.difference,
    )


def _rows(written: Written) -> Verdict:
    if written.staged_keys:
        return Verdict("rows", "pass", f"{written.staged_keys:,} rows staged, all of this date")
    why = "no box score is in yet" if written.status is Status.NO_ACTUALS else "there is nothing to compute them from"
    return Verdict("rows", "fail", f"no row was staged: {why}")


def _duplicates(written: Written) -> Verdict:
    if not written.staged_duplicate_keys:
        return Verdict("duplicates", "pass", "every business key was staged once")
    return Verdict(
        "duplicates",
        "warn",
        f"{written.staged_duplicate_keys:,} keys were staged more than once; one row of each would be kept",
    )


def _shrinks(written: Written, settings: Settings, request: Request) -> Verdict:
    present = written.present_keys
    text = f"{written.staged_keys:,} keys staged, {present:,} present; the least share is {settings.min_keys_ratio:.0%}"
    small = written.staged_keys < settings.min_keys_ratio * present
    if not small:
        return Verdict("size", "pass", text)
    return Verdict("size", "warn" if request.allow_shrink else "fail", text)


def _coverage(written: Written, settings: Settings) -> list[Verdict]:
    coverage = written.coverage
    if coverage is None:
        return []
    text = f"{coverage.with_box_score:,} of {coverage.gradable:,} gradable predictions have a box score"
    if coverage.ungraded_text:
        text += f"; {coverage.ungraded_text}"
    return [Verdict("coverage", "warn" if coverage.share < settings.min_coverage else "pass", text)]
