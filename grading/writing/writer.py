"""The one writer: stage, check, publish; again where newer data came in between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from foundation.errors import DeadlineExceeded, GradingError, StagingOutdated, WouldExpire
from foundation.events import EventLog
from grading.outcome import Status, Written
from grading.run import Run
from grading.writing.publish import AuditNote
from grading.writing.staging import RowSource, Staged, keep_one_per_key, lost_values, measure
from warehouse.statements import Folder

SQL = Folder("grading.sql")


class Publishing(Protocol):
    """Publishes staged rows, as `Publisher` does."""

    def publish(self, run: Run, staged: Staged, note: AuditNote, events: EventLog) -> None: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one date of one table, whatever else writes it at the same time."""

    publisher: Publishing
    min_keys_ratio: float

    def write(
        self,
        run: Run,
        source: RowSource,
        events: EventLog,
        *,
        status: Status = Status.SUCCESS,
        detail: str = "",
    ) -> Written:
        """Replace the run's date by the rows of `source`.

        A refused publish (someone published newer data meanwhile) stages again, unless what is published
        already satisfies the event: then the result is `superseded`. Nothing is published where nothing was
        staged, where far fewer keys were staged than the date has, or where values that only replaced rows have
        would be lost (both `shrunk`). Where graded rows are too small a part of what there was to grade, the write
        is recorded as `partial`. Raises what `Publisher.publish` raises, and `WouldExpire`.
        """
        self._refuse_what_would_expire(run)
        while True:
            run.trace.staging(run.deadline.clock.monotonic())
            staged = source.stage(run)
            try:
                return self._check_and_publish(run, staged, events, status, detail)
            except StagingOutdated as refused:
                events.emit("publish_refused", str(refused), "WARNING", token=staged.token)
                run.trace.refused += 1
                if self.satisfied(run):
                    return Written(status=Status.SUPERSEDED)
                if run.deadline.remaining() < run.settings.alert_reserve_seconds:
                    raise DeadlineExceeded("newer data was published, and no time is left to stage again") from refused
            finally:
                self._drop(run, staged, events)

    def satisfied(self, run: Run) -> bool:
        """Whether what is published is as new as the event asks for, and is there.

        As new: staged after the event was published. There: the date has no fewer rows than its run published; the
        fence alone does not tell of an expired partition, or of a DELETE by someone who knows no fence.
        """
        if run.request.published_ms is None:
            return False
        found = run.jobs.ask("fence", SQL.fill("published_rows", **run.values())).rows
        if found:
            run.trace.found(found[0]["run_id"], found[0]["token"])
        if not found or int(found[0]["token"]) < run.request.published_ms:
            return False
        return int(found[0]["rows_present"]) >= int(found[0]["rows_published"] or 0)

    def _check_and_publish(
        self,
        run: Run,
        staged: Staged,
        events: EventLog,
        status: Status,
        detail: str,
    ) -> Written:
        measured = measure(run, staged)
        events.emit(
            "write_staged",
            f"staged {measured.staged_rows} rows",
            token=staged.token,
            rows=measured.staged_rows,
            duplicate_keys=measured.duplicate_keys,
        )
        coverage = measured.coverage
        found = Written(
            status=status,
            coverage=coverage,
            staged_keys=measured.staged_keys,
            staged_duplicate_keys=measured.duplicate_keys,
            staged_excess_rows=measured.staged_rows - measured.staged_keys,
            present_rows=measured.present_rows,
            present_keys=measured.present_keys,
            keys=measured.keys,
            second_choices=measured.second_choices,
        )
        if not measured.staged_keys:
            waiting = coverage and coverage.gradable
            return replace(found, status=Status.NO_ACTUALS if waiting else Status.NO_PREDICTIONS)
        if not run.request.allow_shrink and measured.staged_keys < self.min_keys_ratio * measured.present_keys:
            return replace(found, status=Status.SHRUNK)
        if staged.carried and measured.present_rows and not run.request.allow_shrink:
            lost = lost_values(run, staged)
            if lost:
                names = ", ".join(column.name for column in staged.carried)
                why = f"{lost} rows hold values that only they have ({names}), and their keys are not graded any more"
                return replace(found, status=Status.SHRUNK, lost_rows=lost, detail=why)
        if measured.duplicate_keys and not staged.verbatim:
            keep_one_per_key(run, staged)
        if coverage:
            detail = coverage.ungraded_text
            status = Status.PARTIAL if coverage.share < run.settings.min_coverage else status
        rows = measured.staged_rows if staged.verbatim else measured.staged_keys
        note = AuditNote(
            status=status,
            rows_inserted=rows,
            duplicate_keys=measured.duplicate_keys,
            detail=detail,
            keys=measured.keys,
            second_choices=measured.second_choices,
        )
        self.publisher.publish(run, staged, note, events)
        return replace(found, status=status, token=staged.token)

    @staticmethod
    def _refuse_what_would_expire(run: Run) -> None:
        """Raises `WouldExpire` if BigQuery would delete the date's partition as soon as it is written."""
        target = run.jobs.warehouse.described(run.target)
        if target and target.would_expire(run.date, run.deadline.clock.now()):
            expires = target.partitions_expire_after
            raise WouldExpire(
                f"{run.target} deletes partitions after {expires.days if expires else 0} days: {run.lock_key} would be "
                f"gone as soon as it is written. Nothing was published. To keep its dates: "
                f"ALTER TABLE `{run.target}` SET OPTIONS (partition_expiration_days = NULL)"
            )

    def _drop(self, run: Run, staged: Staged, events: EventLog) -> None:
        for path in filter(None, (staged.table, staged.covering)):
            try:
                run.jobs.warehouse.drop(path, deadline=run.deadline)
            except GradingError as error:
                # Its dataset's expiration removes it; nothing else depends on it.
                events.emit("staging_left", f"{path} was not dropped: {error}", "WARNING")
