"""What the person on call is told about a run: its outcome as alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alerts import messages
from alerts.alert import Alert
from grading.hold import NotHeld
from grading.outcome import Outcome, Status
from grading.run import Run


def alerts_of(run: Run, outcome: Outcome) -> Iterator[Alert]:
    """Every alert that the outcome calls for; none where all went as it should."""
    day = run.lock_key
    place: dict[str, Any] = {"table": run.processor.name, "processor": run.processor.name}
    holder = run.hold.holder_id or None
    coverage = outcome.coverage
    match outcome.status:
        case Status.FAILED:
            yield messages.processor_failed(
                day, error=outcome.detail, transient=outcome.transient, run_id=run.run_id, **place
            )
        case Status.NO_PREDICTIONS if run.processor.reads_predictions:
            yield messages.no_predictions(day, **place)
        case Status.NO_ACTUALS:
            yield messages.no_actuals(day, predictions=coverage.gradable if coverage else None, **place)
        case Status.SHRUNK if outcome.written:
            yield messages.shrunk(
                day,
                staged_keys=outcome.written.staged_keys,
                present_keys=outcome.written.present_keys,
                min_fraction=run.settings.min_keys_ratio,
                lost=outcome.written.detail,
                **place,
            )
        case Status.PARTIAL if coverage:
            yield messages.partial_coverage(
                day,
                graded=coverage.with_box_score,
                gradable=coverage.gradable,
                min_coverage=run.settings.min_coverage,
                ungraded_by_reason=coverage.ungraded,
                **place,
            )
    if outcome.written and outcome.written.staged_duplicate_keys:
        yield messages.staged_duplicates(
            day,
            duplicate_keys=outcome.written.staged_duplicate_keys,
            excess_rows=outcome.written.staged_excess_rows,
            run_id=run.run_id,
            **place,
        )
    if outcome.duplicates and not outcome.duplicates.clean:
        yield messages.duplicates_found(
            day,
            duplicate_keys=outcome.duplicates.duplicate_keys,
            excess_rows=outcome.duplicates.excess_rows,
            samples=[str(sample) for sample in outcome.duplicates.samples],
            held_by=holder,
            run_id=run.run_id,
            **place,
        )
    if run.hold.failure in (NotHeld.TIMEOUT, NotHeld.UNAVAILABLE):
        yield messages.lock_failure(
            day,
            lock_type=run.processor.lock_type,
            reason="timeout" if run.hold.failure is NotHeld.TIMEOUT else "unavailable",
            held_by=run.hold.blocked_by or None,
            waited_seconds=run.hold.wait_ms / 1000,
            detail=f"{run.hold.detail} The write ended as: {outcome.status}.",
            **place,
        )
