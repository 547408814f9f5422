"""Every statement of a date, dry-run: accepted, and reading no partition but its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from conformance.assertion import Ability, Effort, Observed, Source, Verdict, asserts, differs, holds, not_provable
from conformance.assertions.concurrency import JOBS
from conformance.place import EMPTY_DAY, Place, day
from foundation.clock import Deadline
from foundation.errors import GradingError
from grading.batch import Batch
from grading.processors import PROCESSORS, Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.rules import rules_of, select_of
from warehouse.bigquery import Warehouse
from warehouse.statements import Folder, Sql

_GRADING = Folder("grading.sql")
_VALIDATION = Folder("validation.sql")
_SECONDS = 120.0


def statements_of(
    processor: Processor, when: date, settings: Settings, warehouse: Warehouse, deadline: Deadline
) -> Iterator[tuple[str, Sql]]:
    """What a date reads: each query that the service sends for it outside the transaction, by name."""
    run = Run.start(processor, Request(date=when), settings, warehouse, deadline)
    yield "rows", select_of(run)
    yield "published_rows", _GRADING.fill("published_rows", **run.values())
    for name in ("validate", "duplicate_samples"):
        yield name, _VALIDATION.fill(name, **run.values())
    if processor.reads_predictions:
        yield "coverage", _GRADING.fill("coverage", **{**run.values(), **rules_of(Batch.of(run))})


@asserts(
    12,
    promise="BigQuery accepts every query of a date, and reads only the partitions of the date.",
    why="A statement that BigQuery refuses once stopped grading for six days; one that does not prune scans ten years.",
    how="Each query is dry-run for a date with rows and for a date without any: the second must read 0 bytes.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/running-queries#dry-run",
            "A dry run validates a query and estimates its bytes; it is not billed.",
        ),
        Source(
            "https://docs.cloud.google.com/bigquery/docs/querying-partitioned-tables",
            "A filter on the partitioning column with constants prunes partitions.",
        ),
    ],
    calls=JOBS,
    effort=Effort(statements=10, tables=16, seconds=30),
)
def statements_are_accepted_and_pruned(place: Place) -> Observed:
    place.published(day(8))
    found = _dry_runs(place, place.settings)
    figures = dict(found.figures)
    if found.verdict is Verdict.HOLDS and place.real:
        found = _dry_runs(place, place.real)
        figures["real tables"] = dict(found.figures)
    if found.verdict is not Verdict.HOLDS:
        return found
    if why := place.lacks.get(Ability.PARTITIONS):
        return not_provable(f"every statement passed a dry run; {why}", **figures)
    return holds(f"{found.text}, each of which reads 0 bytes for a date without rows", **figures)


def _dry_runs(place: Place, settings: Settings) -> Observed:
    """Bytes of each statement, for a date with rows and for one without."""
    deadline = place.within(_SECONDS)
    read: dict[str, tuple[int, int]] = {}
    full = place.clock.now().date() if settings is place.real else day(8)
    for processor in PROCESSORS:
        pairs = zip(
            statements_of(processor, full, settings, place.warehouse, deadline),
            statements_of(processor, EMPTY_DAY, settings, place.warehouse, deadline),
            strict=True,
        )
        for (name, with_rows), (_, without) in pairs:
            statement = f"{processor.name}: {name}"
            try:
                bytes_read = place.warehouse.bytes_scanned(with_rows), place.warehouse.bytes_scanned(without)
            except GradingError as error:
                return differs(f"{statement} is refused: {error}", **read)
            read[statement] = bytes_read
            if bytes_read[1] and Ability.PARTITIONS not in place.lacks:
                return differs(f"{statement} reads {bytes_read[1]:,} bytes for a date without any row", **read)
    return holds(f"{len(read)} statements", **read)
