"""Scripts that are stopped in the middle, and how soon the next one gets through."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from google.cloud import bigquery

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, missed
from conformance.assertions.concurrency import JOBS
from conformance.place import Place, day
from conformance.scripts import Attempt, held_open, send
from foundation.clock import Deadline
from foundation.errors import GradingError, PublishConflict, Transient

_CALL_SECONDS = 20.0
_SCRIPT_SECONDS = 90.0


@asserts(
    3,
    promise="A script that is cancelled, or stopped by its job timeout, changes nothing, and blocks no one for long.",
    why="An instance ends at any moment: its date must hold the old rows, and the redelivered event must get through.",
    how="A publish is held open after its DELETE by a loop. It is cancelled; a second one runs into its job timeout. "
    "The date's checksum is compared, and a new publish is timed.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/transactions",
            "If the query ends before COMMIT, BigQuery rolls the transaction back.",
        ),
        Source(
            "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration",
            "jobTimeoutMs: BigQuery attempts to stop a longer job, and may not always succeed.",
        ),
    ],
    calls=[*JOBS, "jobs.list", "jobs.cancel"],
    effort=Effort(statements=60, tables=90, seconds=100),
    needs=[Ability.CANCELLING],
)
def stopped_in_mid_transaction(place: Place) -> Observed:
    figures: dict[str, object] = {}
    for name, stop in (("cancelled", _cancelled), ("timed out", _timed_out)):
        when = day(4)
        before = place.fingerprint(place.published(when).date)
        if problem := stop(place):
            return problem
        stopped_at = place.clock.monotonic()
        after = place.fingerprint(when)
        figures[name] = {"rows_before": before.row_count, "rows_after": after.row_count}
        if after != before:
            return differs(f"{name}: the date does not hold the rows that it held", **figures)
        try:
            _publish_again(place)
        except GradingError as error:
            return differs(f"{name}: no publish succeeded within {place.pace.recovery:g} s: {error}", **figures)
        figures[name] = {"rows": after.row_count, "next_publish_s": round(place.clock.monotonic() - stopped_at, 1)}
    return holds("the old rows stayed whole both times, and the next publish got through", **figures)


def _cancelled(place: Place) -> Observed | None:
    """Cancel a script that has deleted the date's rows; None if it was stopped."""
    run = place.run(day(4))
    attempt = Attempt(place, held_open(place.script(run, place.staged(run))), seconds=_SCRIPT_SECONDS).start()
    if not _until(place, lambda: _has_deleted(place, attempt)):
        place.client.cancel_job(attempt.job_id, timeout=_CALL_SECONDS)
        attempt.finish()
        return missed(f"the script was not seen to reach its DELETE: {attempt.error}")
    place.client.cancel_job(attempt.job_id, timeout=_CALL_SECONDS)
    attempt.finish()
    if attempt.error is None:
        return differs("a script that was cancelled ended as if it had committed")
    if not isinstance(attempt.error, Transient):
        return differs(f"the service took a cancelled script for a permanent failure: {attempt.error}")
    return None


def _has_deleted(place: Place, attempt: Attempt) -> bool:
    return bool(attempt.job_id) and any(
        job.statement_type == "DELETE" and job.state == "DONE" for job in place.children(attempt.job_id)
    )


def _timed_out(place: Place) -> Observed | None:
    """Let a script run into its job timeout; None if it was stopped."""
    run = place.run(day(4))
    script = held_open(place.script(run, place.staged(run)))
    config = bigquery.QueryJobConfig(use_query_cache=False)
    config.job_timeout_ms = int(place.pace.job_timeout * 1000)
    job = send(place, run.jobs, "timeout", script.text, config)
    if _until(place, lambda: bool(job.done(timeout=_CALL_SECONDS))):
        return None if job.error_result else differs("a script without an end ended as if it had committed")
    place.client.cancel_job(job.job_id, timeout=_CALL_SECONDS)
    return missed(
        f"BigQuery did not stop the script within {place.pace.stopped_within:g} s of a timeout of "
        f"{place.pace.job_timeout:g} s, which its documentation allows"
    )


def _until(place: Place, seen: Callable[[], bool]) -> bool:
    deadline, pause = place.within(place.pace.stopped_within + place.pace.job_timeout), threading.Event()
    while not seen():
        if deadline.expired:
            return False
        pause.wait(place.pace.poll)
    return True


def _publish_again(place: Place) -> None:
    """Publish, and retry conflicts as the service does. Raises the last failure."""
    deadline, pause = Deadline.after(place.pace.recovery, place.clock), threading.Event()
    while True:
        try:
            place.published(day(4))
        except PublishConflict:
            if deadline.expired:
                raise
            pause.wait(random.uniform(0, place.pace.poll))  # noqa: S311 - jitter, not a secret
        else:
            return
