"""A run's outcome as alerts to the person on call. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from alerts import messages
from alerts.alert import Alert
from grading.catch_up_window import is_looked_at_next
from grading.hold import Hold, NotHeld
from grading.outcome import Coverage, Outcome, Status, Written
from grading.run import Run


def alerts_of(run: Run, outcome: Outcome, today: date) -> Iterator[Alert]:
    """Every alert that the outcome calls for; none if all went as it should.

    A date without predictions and without grades has no games, as far as one run can know: the check of freshness
    looks at the dates around it. Box scores of yesterday may be late by hours, and catch-up grades them: the run tells
    of older ones. Inputs that were there at an earlier run are missed at once.
    """
    day = run.lock_key
    place: dict[str, Any] = {"table": run.processor.name, "processor": run.processor.name}
    coverage = outcome.coverage
    caught_up = is_looked_at_next(run.date, run.deadline.clock.now(), run.settings.local_date)
    is_recent = date.fromisoformat(day) >= today - timedelta(days=1)
    present = outcome.written.present_rows if outcome.written else 0
    match outcome.status:
        case Status.FAILED:
            yield messages.processor_failed(
                day, error=outcome.detail, transient=outcome.transient, run_id=run.run_id, **place
            )
        case Status.NO_PREDICTIONS if run.processor.reads_predictions and present:
            yield messages.no_predictions(day, present_rows=present, **place)
        case Status.NO_ACTUALS if present or not is_recent:
            yield messages.no_actuals(
                day, predictions=coverage.gradable if coverage else None, caught_up=caught_up, **place
            )
        case Status.ROWS_MISSING if outcome.written and outcome.duplicates:
            yield messages.rows_missing(
                day,
                published=outcome.written.staged_keys,
                present=outcome.duplicates.total_rows,
                run_id=run.run_id,
                **place,
            )
        case Status.SHRUNK if outcome.written:
            yield messages.shrunk(
                day,
                staged_keys=outcome.written.staged_keys,
                present_keys=outcome.written.present_keys,
                min_fraction=run.settings.min_keys_ratio,
                lost=outcome.written.detail,
                **place,
            )
        case Status.PARTIAL if coverage and not (is_recent and _may_be_late(run, coverage)):
            yield messages.partial_coverage(
                day,
                graded=coverage.with_box_score,
                gradable=coverage.gradable,
                min_coverage=run.settings.min_coverage,
                ungraded_by_reason=coverage.ungraded,
                caught_up=caught_up,
                silent_games=coverage.silent_games,
                silent_systems=coverage.silent_systems,
                **place,
            )
        case Status.SUCCESS if coverage and (coverage.silent_games or coverage.silent_systems):
            yield messages.grades_missing(
                day, silent_games=coverage.silent_games, silent_systems=coverage.silent_systems, **place
            )
    if outcome.written and outcome.status.published:
        yield from _of_the_keys(run, outcome.written, place)
    yield from _of_duplicates(run, outcome, place)
    if run.hold.failure in (NotHeld.TIMEOUT, NotHeld.UNAVAILABLE) and not run.hold.reported:
        yield messages.lock_failure(
            day,
            lock_type=run.processor.lock_type,
            reason="timeout" if run.hold.failure is NotHeld.TIMEOUT else "unavailable",
            held_by=run.hold.blocked_by or None,
            waited_seconds=run.hold.wait_ms / 1000,
            detail=f"{run.hold.detail} The write ended as: {outcome.status}.",
            **place,
        )


def _of_duplicates(run: Run, outcome: Outcome, place: dict[str, Any]) -> Iterator[Alert]:
    day = run.lock_key
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
            held_by=_held_by(run.hold),
            run_id=run.run_id,
            **place,
        )


def _of_the_keys(run: Run, written: Written, place: dict[str, Any]) -> Iterator[Alert]:
    if written.keys.removed and run.processor.reads_predictions:
        yield messages.keys_removed(
            run.lock_key,
            removed=written.keys.removed,
            names=written.keys.removed_names,
            run_id=run.run_id,
            **place,
        )
    if written.second_choices.game_ids:
        yield messages.game_ids_differ(
            run.lock_key,
            grades=written.second_choices.game_ids,
            of=written.staged_keys,
            names=written.second_choices.game_id_names,
            **place,
        )


def _may_be_late(run: Run, coverage: Coverage) -> bool:
    """Whether the coverage is low only because whole games have no box scores yet; the daily check names them."""
    arrived = coverage.gradable - coverage.ungraded["no_box_score_for_game"]
    return arrived > 0 and coverage.with_box_score / arrived >= run.settings.min_coverage


def _held_by(hold: Hold) -> str:
    """Who held the lock during the write, if that was us; or that nobody did, why, and who held it instead."""
    if hold.locked:
        return hold.holder_id
    why = f" ({hold.failure})" if hold.failure else ""
    instead = f"; it was held by {hold.blocked_by}" if hold.blocked_by else ""
    return f"{messages.WITHOUT_LOCK}{why}{instead}"
