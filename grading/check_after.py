"""What follows a publish: it is logged, and rows and business keys of its dates are counted anew by one query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from alerts.alert import Resolver
from foundation.errors import GradingError
from foundation.events import EventLog
from grading.audit import Audit
from grading.batch import Batch
from grading.outcome import Outcome, Status, Written
from grading.run import Run
from grading.settings import Settings
from grading.writing.validate import validate, validate_all
from validation.duplicates import DuplicateReport

Repair = Callable[[Run, DuplicateReport], DuplicateReport]


@dataclass(frozen=True, slots=True)
class CheckAfter:
    """Checks dates that were just published. What is found is reported; it never fails a run."""

    settings: Settings
    audit: Audit
    resolver: Resolver | None
    repair: Repair | None

    def outcomes(self, batch: Batch, published: Mapping[date, Outcome], events: EventLog) -> dict[date, Outcome]:
        """The outcome of each date with what it holds now. Rows that are gone make it `rows_missing`."""
        of_date = {run.date: events.bind(date=run.lock_key, run_id=run.run_id) for run in batch}
        for run in batch:
            _log_publish(run, published[run.date], of_date[run.date])
        try:
            found: Mapping[date, DuplicateReport | GradingError] = validate_all(batch)
        except GradingError as error:
            found = dict.fromkeys(batch.days, error)
        return {run.date: self._checked(run, published[run.date], found[run.date], of_date[run.date]) for run in batch}

    def _checked(self, run: Run, outcome: Outcome, found: DuplicateReport | GradingError, events: EventLog) -> Outcome:
        report = self._validate(run, found, outcome.rows_inserted, events)
        if report and _lacks_rows(run, report, outcome.rows_inserted):
            detail = f"{report.total_rows} of the {outcome.rows_inserted} rows that were published are there"
            events.emit(
                "rows_missing",
                f"{detail}, and nobody has published the date since",
                "CRITICAL",
                rows=report.total_rows,
                rows_published=outcome.rows_inserted,
            )
            self.audit.record_rows_missing(run, detail)
            outcome = replace(outcome, status=Status.ROWS_MISSING, detail=detail)
        return replace(outcome, duplicates=report)

    def _validate(
        self, run: Run, found: DuplicateReport | GradingError, rows: int, events: EventLog
    ) -> DuplicateReport | None:
        """Judge the rows and business keys of the date. What is found is reported; it never fails the run."""
        try:
            if isinstance(found, GradingError):
                raise found
            report = found
            if _lacks_rows(run, report, rows):
                # Rows and fence are read in one statement; a second look tells a date that was just replaced.
                report = validate(run)
            first = self.settings.first_own_date
            if not report.clean and self.repair and (first is None or run.date >= first):
                report = self.repair(run, report)
        except GradingError as error:
            events.emit("validation_failed", f"the date could not be validated: {error}", "ERROR")
            return None
        if _lacks_rows(run, report, rows):
            return report
        if report.clean:
            rows = report.total_rows
            events.emit("validation_passed", f"{rows} rows, every business key unique", rows=rows)
            self._resolve_duplicates(run, report)
            return report
        events.emit(
            "duplicates_found",
            f"{report.duplicate_keys} business keys have {report.excess_rows} rows too many",
            "ERROR",
            duplicate_keys=report.duplicate_keys,
            excess_rows=report.excess_rows,
            samples=[str(sample) for sample in report.samples],
        )
        self.audit.record_duplicates(run, report)
        return report

    def _resolve_duplicates(self, run: Run, report: DuplicateReport) -> None:
        if self.resolver:
            self.resolver.resolve("duplicates", table=run.processor.name, date=run.lock_key)
            if self.repair:
                self.resolver.resolve("remediation", table=run.processor.name, date=run.lock_key)
        if report.open_findings:
            self.audit.resolve_duplicates(Batch.of(run), lambda run: f"clean after run {run.run_id}")


def _log_publish(run: Run, outcome: Outcome, events: EventLog) -> None:
    written = outcome.written
    if written is None:
        return
    events.emit(
        "write_published",
        f"published {outcome.rows_inserted} rows",
        token=written.token,
        rows=outcome.rows_inserted,
        rows_deleted=outcome.rows_deleted,
        locked=run.hold.locked,
        keys_added=written.keys.added,
        keys_removed=written.keys.removed,
        box_scores_differing=written.second_choices.box_scores,
        game_ids_differing=written.second_choices.game_ids,
        confidence_out_of_range=written.second_choices.confidences,
    )
    _log_findings(written, events)


def _log_findings(written: Written, events: EventLog) -> None:
    """Log by name what a publish took away, and what could only be graded by a second choice."""
    keys, choices = written.keys, written.second_choices
    if keys.removed:
        text = f"{keys.removed} keys that were there before are gone"
        events.emit("keys_removed", text, "WARNING", keys=keys.removed, samples=list(keys.removed_names))
    if choices.game_ids:
        text = f"{choices.game_ids} grades are by a box score of another game id: {choices.game_id_names[0]}"
        samples = list(choices.game_id_names)
        events.emit("game_ids_differ", text, "WARNING", grades=choices.game_ids, samples=samples)
    if choices.box_scores:
        text = f"{choices.box_scores} box scores are there more than once, and differ: one of each counts"
        samples = list(choices.box_score_names)
        events.emit("box_scores_differ", text, "WARNING", box_scores=choices.box_scores, samples=samples)
    if choices.confidences:
        text = f"{choices.confidences} grades have no confidence: it was outside 0 to 1, or 0 to 100"
        events.emit("confidence_out_of_range", text, "WARNING", grades=choices.confidences)


def _lacks_rows(run: Run, report: DuplicateReport, published: int) -> bool:
    """Whether rows of this run are gone: fewer are there, and the fence names no other run."""
    return report.total_rows < published and report.fence_run_id == run.run_id
