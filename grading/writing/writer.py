"""The one writer: stage, check, publish; again if newer data came in between. Each date of a batch ends by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

from foundation.errors import (
    DeadlineExceeded,
    GradingError,
    InvalidRow,
    StagingOutdated,
    Transient,
    WouldExpire,
)
from foundation.events import EventLog
from grading.batch import Batch, may_be_of_one_date
from grading.outcome import Status, Written
from grading.run import Run
from grading.writing.measuring import Measure, lost_values, measure
from grading.writing.publish_script import AuditNote
from grading.writing.staging import LeftOut, RowSource, Staged, keep_one_per_key
from warehouse.statements import Folder

SQL = Folder("grading.sql")

Result = Written | GradingError
"""How the write of one date ended, or why it failed."""


class Publishing(Protocol):
    """Publishes staged rows, as `Publisher` does."""

    def publish(
        self, batch: Batch, staged: Staged, notes: Mapping[date, AuditNote], events: EventLog
    ) -> Mapping[date, Transient]: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes dates of one table, whatever else writes them at the same time."""

    publisher: Publishing
    min_keys_ratio: float

    def write(
        self, run: Run, source: RowSource, events: EventLog, *, status: Status = Status.SUCCESS, detail: str = ""
    ) -> Written:
        """Replace the run's date by the rows of `source`: a batch of one, whose error is raised; see `write_all`."""
        result = self.write_all(Batch.of(run), source, events, status=status, detail=detail)[run.date]
        if isinstance(result, GradingError):
            raise result
        return result

    def write_all(
        self, batch: Batch, source: RowSource, events: EventLog, *, status: Status = Status.SUCCESS, detail: str = ""
    ) -> Mapping[date, Result]:
        """Replace the batch's dates by the rows of `source`. Returns how each date ended.

        A refused date (someone published newer data meanwhile) is staged again, unless what is published already
        satisfies its request: then its result is `superseded`. Nothing is published of a date if nothing was staged,
        if far fewer keys were staged than the date has, or if values that only replaced rows have would be lost (both
        `shrunk`). If graded rows are too small a part of what there was to grade, the write is recorded as `partial`.

        The error of a single date is its result: `LeaseLost`, `InvalidRow`, `WouldExpire`, `DeadlineExceeded`, and
        what the source leaves it out for (see `LeftOut`). Raises
        what staging, measuring and `Publisher.publish` raise: then nothing of the batch was published since.
        """
        ended: dict[date, Result] = {**_would_expire(batch)}
        published = False
        while left := batch.without(ended):
            try:
                staged, results = self._attempt(left, source, events, status, detail)
            except LeftOut as not_staged:
                ended |= not_staged.errors
                continue
            except GradingError as error:
                if not published:
                    raise
                return {**dict.fromkeys(left.days, error), **ended}
            published = True
            refused = {day: result for day, result in results.items() if isinstance(result, StagingOutdated)}
            ended |= {day: result for day, result in results.items() if day not in refused}
            if refused:
                ended |= self._superseded(left.without(ended), staged, refused, events)
        return {day: ended[day] for day in batch.days}

    def _attempt(
        self, batch: Batch, source: RowSource, events: EventLog, status: Status, detail: str
    ) -> tuple[Staged, Mapping[date, Result]]:
        """Stage the batch once, check it and publish what may be."""
        staged = source.stage(batch)
        try:
            return staged, self._check_and_publish(batch, staged, events, status, detail)
        finally:
            _drop(batch, staged, events)

    def satisfied(self, batch: Batch, staged: Staged | None = None) -> Collection[date]:
        """The dates of which what is published is as new as their request asks for, and is there.

        As new: staged after the event was published. One of many dates is also satisfied by what was staged after
        `staged`, if these rows were computed. There: the date has no fewer rows than its run published; the fence alone
        does not tell of an expired partition, or of a DELETE by someone who knows no fence.
        """
        since = {run.date: ms for run in batch if (ms := _asked_ms(run, staged)) is not None}
        asked = batch.without([day for day in batch.days if day not in since])
        if not asked:
            return ()
        rows = {row["day"]: row for row in batch.jobs.ask("fence", SQL.fill("published_rows", **asked.values())).rows}
        for run in asked:
            if found := rows.get(run.date):
                run.trace.found(found["run_id"], found["token"])
        return [day for day, found in rows.items() if int(found["token"]) >= since[day] and _is_there(found)]

    def _superseded(
        self, batch: Batch, staged: Staged, refused: Mapping[date, StagingOutdated], events: EventLog
    ) -> dict[date, Result]:
        """Of the dates that were refused those that need not be staged again, or cannot be for want of time."""
        for run in batch:
            run.trace.refused += 1
            of_date = events.bind(date=run.lock_key, run_id=run.run_id)
            of_date.emit("publish_refused", str(refused[run.date]), "WARNING", token=staged.token_of(run.date))
        superseded = Written(status=Status.SUPERSEDED, detail="newer data was published meanwhile")
        ended: dict[date, Result] = dict.fromkeys(self.satisfied(batch, staged), superseded)
        if batch.deadline.remaining() < batch.settings.alert_reserve_seconds:
            for day in batch.without(ended).days:
                late = DeadlineExceeded("newer data was published, and no time is left to stage again")
                late.__cause__ = refused[day]
                ended[day] = late
        return ended

    def _check_and_publish(
        self, batch: Batch, staged: Staged, events: EventLog, status: Status, detail: str
    ) -> dict[date, Result]:
        measured = measure(batch, staged)
        found = {run.date: self._found(run, measured[run.date], staged, events, status) for run in batch}
        ended: dict[date, Result] = {}
        for run in batch:
            if (stop := self._why_not(run, measured[run.date], found[run.date])) is not None:
                ended[run.date] = stop
        left = batch.without(ended)
        if staged.carried and any(measured[run.date].present_rows and not run.request.allow_shrink for run in left):
            ended |= _would_lose(left, staged, found)
            left = batch.without(ended)
        if not left:
            return ended
        if not staged.verbatim and any(measured[day].duplicate_keys for day in left.days):
            keep_one_per_key(left, staged)
        notes = {run.date: self._note(run, measured[run.date], staged, status, detail) for run in left}
        not_published: Mapping[date, GradingError]
        try:
            not_published = self.publisher.publish(left, staged, notes, events)
        except GradingError as error:
            # What was found of the other dates is true all the same, unless all are to be tried in smaller batches.
            if not ended or (len(left) > 1 and may_be_of_one_date(error)):
                raise
            not_published = dict.fromkeys(left.days, error)
        for day in left.days:
            published = replace(found[day], status=Status(notes[day].status), token=staged.token_of(day))
            ended[day] = not_published.get(day) or published
        return ended

    def _found(self, run: Run, measured: Measure, staged: Staged, events: EventLog, status: Status) -> Written:
        events.bind(date=run.lock_key, run_id=run.run_id).emit(
            "write_staged",
            f"staged {measured.staged_rows} rows",
            token=staged.token_of(run.date),
            rows=measured.staged_rows,
            duplicate_keys=measured.duplicate_keys,
        )
        return Written(
            status=status,
            coverage=measured.coverage,
            staged_keys=measured.staged_keys,
            staged_duplicate_keys=measured.duplicate_keys,
            staged_excess_rows=measured.staged_rows - measured.staged_keys,
            present_rows=measured.present_rows,
            present_keys=measured.present_keys,
            keys=measured.keys,
            second_choices=measured.second_choices,
        )

    def _why_not(self, run: Run, measured: Measure, found: Written) -> Result | None:
        """Why nothing of a date may be published, if so."""
        if not measured.staged_keys:
            waiting = measured.coverage and measured.coverage.gradable
            return replace(found, status=Status.NO_ACTUALS if waiting else Status.NO_PREDICTIONS)
        if measured.rows_with_null:
            return InvalidRow(
                f"{measured.rows_with_null} staged rows of {run.processor.name} {run.lock_key} are NULL in a column "
                f"that {run.target} requires: the date keeps what it has"
            )
        if not run.request.allow_shrink and measured.staged_keys < self.min_keys_ratio * measured.present_keys:
            return replace(found, status=Status.SHRUNK)
        return None

    @staticmethod
    def _note(run: Run, measured: Measure, staged: Staged, status: Status, detail: str) -> AuditNote:
        if measured.coverage:
            detail = measured.coverage.ungraded_text
            status = Status.PARTIAL if measured.coverage.share < run.settings.min_coverage else status
        return AuditNote(
            status=status,
            rows_inserted=measured.staged_rows if staged.verbatim else measured.staged_keys,
            duplicate_keys=measured.duplicate_keys,
            detail=detail,
            keys=measured.keys,
            second_choices=measured.second_choices,
        )


def _is_there(found: Mapping[str, Any]) -> bool:
    return int(found["rows_present"] or 0) >= int(found["rows_published"] or 0)


def _asked_ms(run: Run, staged: Staged | None) -> int | None:
    """From when on data satisfies the run's request, in the server's milliseconds; None if none does."""
    if run.request.published_ms is not None:
        return run.request.published_ms
    return staged.token if staged and staged.computed and run.request.one_of_many else None


def _would_lose(batch: Batch, staged: Staged, found: Mapping[date, Written]) -> dict[date, Written]:
    """The dates whose publish would lose values that only the replaced rows have."""
    names = ", ".join(column.name for column in staged.carried)
    ended = {}
    lost = lost_values(batch, staged)
    for run in batch:
        if (rows := lost.get(run.date, 0)) and not run.request.allow_shrink:
            why = f"{rows} rows hold values that only they have ({names}), and their keys are not graded any more"
            ended[run.date] = replace(found[run.date], status=Status.SHRUNK, lost_rows=rows, detail=why)
    return ended


def _would_expire(batch: Batch) -> dict[date, WouldExpire]:
    """The dates whose partition BigQuery would delete as soon as it is written."""
    # As it is now: what is described here is what the staging of the batch relies on.
    target = batch.jobs.warehouse.find(batch.target, deadline=batch.deadline)
    if target is None:
        return {}
    expires = target.partitions_expire_after
    return {
        run.date: WouldExpire(
            f"{batch.target} deletes partitions after {expires.days if expires else 0} days: {run.lock_key} would be "
            f"gone as soon as it is written. Nothing was published. To keep its dates: "
            f"ALTER TABLE `{batch.target}` SET OPTIONS (partition_expiration_days = NULL)"
        )
        for run in batch
        if target.would_expire(run.date, batch.deadline.clock.now())
    }


def _drop(batch: Batch, staged: Staged, events: EventLog) -> None:
    for path in filter(None, (staged.table, staged.covering)):
        try:
            batch.jobs.warehouse.drop(path, deadline=batch.deadline)
        except GradingError as error:
            # Its dataset's expiration removes it; nothing else depends on it.
            events.emit("staging_left", f"{path} was not dropped: {error}", "WARNING")
