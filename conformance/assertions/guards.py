"""The checks inside the publish script: each must come back as itself, and leave the table as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from conformance.assertion import Effort, Observed, Source, asserts, differs, holds
from conformance.assertions.concurrency import JOBS
from conformance.place import APPENDED, Place, day
from conformance.scripts import raw
from foundation.errors import GradingError, GuardRaised
from grading.batch import Batch
from grading.maintenance.repair_rows import DeduplicatedRows
from grading.maintenance.repair_tables import REPAIR_TABLES
from grading.processors import GRADING
from grading.run import Run
from grading.writing.schema import fence_statements
from grading.writing.staging import Base, Staged
from warehouse.statements import Sql, literal

_MINUTES = 60_000


@dataclass(frozen=True, slots=True)
class _Case:
    """A guard, and a script that it must refuse."""

    guard: str
    script: Sql
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None


def _cases(place: Place, published: Run, staged: Staged) -> Iterator[_Case]:
    """One for each guard of the publish script; a test holds that none is left out."""
    other = published.again()
    in_the_future = replace(staged, token=staged.token + 10 * _MINUTES)
    yield _Case("already_published", place.script(published, staged))
    yield _Case("fence_newer", place.script(other, replace(staged, token=staged.token - 1)))
    yield _Case("token_from_the_future", place.script(other, in_the_future))
    source = DeduplicatedRows(repaired=REPAIR_TABLES[GRADING.name], backup=None, merge_differing=True)
    repaired = source.stage(Batch.of(other))
    moved = {other.date: Base(repaired.token, "nobody")}
    yield _Case("fence_moved", place.script(other, replace(repaired, bases=moved)))
    append = {"appended": literal(APPENDED)}
    yield _Case(
        "rows_moved",
        place.script(other, repaired),
        before=lambda: place.ask("append_row", run=place.run(published.date), **append),
    )
    yield _Case(
        "sentinel_missing",
        place.script(other, replace(staged, token=staged.token + 1)),
        before=lambda: _remove_sentinel(place),
        after=lambda: _seed_sentinel(place),
    )


def _remove_sentinel(place: Place) -> None:
    place.ask("remove_sentinel", run=place.run(day(7)))


def _seed_sentinel(place: Place) -> None:
    jobs = place.jobs("seed")
    for _, statement in fence_statements(place.run(day(7)).target):
        jobs.ask("seed", statement)


@asserts(
    7,
    promise="Each check of the publish script is reported under its own name, and nothing of the script is kept.",
    why="The service reads the check's name out of the error's text; another text looks like a broken statement.",
    how="A script that each check must refuse is sent; its error is read, and the date's checksums are compared.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/debugging_functions#error",
            "ERROR(message) returns an error with that message.",
        ),
        Source(
            "https://docs.cloud.google.com/bigquery/docs/transactions",
            "If an error occurs in a transaction without an exception handler, BigQuery rolls the transaction back.",
        ),
    ],
    calls=JOBS,
    effort=Effort(statements=72, tables=90, seconds=60),
)
def guards_come_back_as_themselves(place: Place) -> Observed:
    run = place.run(day(7))
    staged = place.staged(run)
    run.jobs.ask("publish", place.script(run, staged))
    answers = {}
    for case in _cases(place, run, staged):
        case.before()
        before = place.fingerprint(run.date)
        try:
            place.jobs("guard").ask("publish", case.script)
        except GuardRaised as raised:
            answers[case.guard] = raw(raised)
            if raised.guard != case.guard:
                return differs(f"{case.guard} came back as {raised.guard}", answers=answers)
        except GradingError as error:
            answers[case.guard] = raw(error)
            return differs(f"{case.guard} came back as {type(error).__name__}: {error}", answers=answers)
        else:
            return differs(f"{case.guard} let the script through", answers=answers)
        finally:
            case.after()
        if place.fingerprint(run.date) != before:
            return differs(f"{case.guard} refused, and the date has changed all the same", answers=answers)
    return holds(f"{', '.join(answers)}: each came back as itself, the checksum never changed", answers=answers)
