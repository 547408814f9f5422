"""What a run says of itself in an alert: the first lines of its story, from what it knows. Costs no job."""

from __future__ import annotations

from collections.abc import Sequence

from foundation import commands
from grading.history import RunRecord
from grading.outcome import Outcome
from grading.report.sentences import of_one_run
from grading.run import Run
from grading.trace import inputs_text


def facts_of(run: Run, outcome: Outcome) -> Sequence[tuple[str, str]]:
    """Facts for an alert: what the run did, in the words of `explain`, and the command that shows the rest."""
    trace, hold = run.trace, run.hold
    record = RunRecord(
        run_id=run.run_id,
        event_id=run.request.event_id,
        processor=run.processor.name,
        game_date=run.date,
        trigger_source=run.request.trigger_source,
        fence_token=outcome.token,
        lock_wait_ms=hold.wait_ms,
        locked=hold.locked,
        rows_deleted=outcome.rows_deleted,
        rows_inserted=outcome.rows_inserted,
        duplicate_keys=outcome.written.staged_duplicate_keys if outcome.written else 0,
        started_at=run.started_at,
        committed_at=run.started_at if outcome.status.published else None,
        status=outcome.status.value,
        # An alert says the detail itself.
        detail=None,
        waited_for=hold.waited_for or None,
        taken_over_from=hold.taken_over_from or None,
        staging_token=trace.token,
        staged_ms=trace.staged_ms,
        measured_ms=trace.measured_ms,
        found_run_id=trace.found_run_id,
        refused=trace.refused,
        inputs=inputs_text(trace.inputs),
    )
    return [("What the run did", " ".join(of_one_run(record))), ("The whole story", commands.explain(run.date))]
