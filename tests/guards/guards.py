"""The safety guards, as data: where each stands, and the test that is red without it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A piece of code that keeps the promise, and a test that notices its absence.

    Args:
        name: what it guards against.
        file: the path from the root of the repository.
        code: the guard as it stands there, exactly once.
        without: what stands there when the guard is taken out.
        test: the node id of a test.
    """

    name: str
    file: str
    code: str
    without: str
    test: str


_WRITER = "tests/integration/test_writer.py"
_STORES = "tests/contract/test_lock_store.py"
_LOCK = "tests/contract/test_lock.py"
_OTHERS = "tests/integration/test_tables_of_others.py"

GUARDS = (
    Guard(
        name="older data is published over newer",
        file="grading/sql/fence_check_newest.sql",
        code="lock_key = ${lock_key} AND token >= ${token})",
        without="FALSE)",
        test=f"{_WRITER}::test_the_later_staging_wins_whichever_publishes_first",
    ),
    Guard(
        name="two runs with one token both publish",
        file="grading/sql/fence_check_newest.sql",
        code="AND token >= ${token})",
        without="AND token > ${token})",
        test=f"{_WRITER}::test_an_equal_token_of_another_run_is_refused",
    ),
    Guard(
        name="a publish whose answer was lost is done twice",
        file="grading/sql/publish.sql",
        code="token = ${token} AND run_id = ${run_id})",
        without="FALSE)",
        test=f"{_WRITER}::test_a_publish_whose_answer_was_lost_is_recognised_as_done",
    ),
    Guard(
        name="a clock that ran ahead blocks a date",
        file="grading/sql/fence_check_newest.sql",
        code="INTERVAL 60 SECOND",
        without="INTERVAL 99999999 SECOND",
        test=f"{_WRITER}::test_a_token_from_the_future_is_refused",
    ),
    Guard(
        name="two publishes at once do not conflict",
        file="grading/sql/publish.sql",
        code="UNNEST([${sentinel}, ${lock_key}])",
        without="UNNEST([${lock_key}])",
        test=f"{_WRITER}::test_the_script_takes_the_fence_first_and_commits_last",
    ),
    Guard(
        name="DELETE and INSERT do not commit together",
        file="grading/sql/publish.sql",
        code="BEGIN TRANSACTION;",
        without="",
        test=f"{_WRITER}::test_the_script_takes_the_fence_first_and_commits_last",
    ),
    Guard(
        name="a fence without its sentinel is published to",
        file="grading/sql/publish.sql",
        code="WHERE lock_key = ${sentinel}) != 1",
        without="WHERE lock_key = ${sentinel}) > 1",
        test=f"{_WRITER}::test_without_the_sentinel_nothing_is_published",
    ),
    Guard(
        name="a holder that lost its lease publishes",
        file="grading/writing/publish.py",
        code="                run.hold.ensure_held()\n",
        without="",
        test=f"{_WRITER}::test_a_lost_lease_stops_the_write_before_it_is_published",
    ),
    Guard(
        name="the lock is released under a write that may still commit",
        file="grading/writing/publish.py",
        code="                    run.hold.abandon()\n",
        without="",
        test=f"{_WRITER}::test_an_unknown_end_of_a_publish_leaves_the_lock_to_expire",
    ),
    Guard(
        name="an attempt reuses the job id of an aborted one",
        file="warehouse/jobs.py",
        code="-{step}-{self.number()}",
        without="-{step}",
        test=f"{_WRITER}::test_an_aborted_transaction_is_retried_under_a_new_job_id",
    ),
    Guard(
        name="a date shrinks",
        file="grading/writing/writer.py",
        code="if measured.staged_keys < self.min_keys_ratio * present:",
        without="if measured.staged_keys < 0:",
        test=f"{_WRITER}::test_a_date_that_would_shrink_is_refused_until_it_is_allowed",
    ),
    Guard(
        name="missing box scores are not told",
        file="grading/writing/writer.py",
        code="Status.NO_ACTUALS if waiting else Status.NO_PREDICTIONS",
        without="Status.NO_PREDICTIONS",
        test=f"{_WRITER}::test_no_box_scores_publishes_nothing",
    ),
    Guard(
        name="a date is emptied",
        file="grading/writing/writer.py",
        code="if not measured.staged_keys:",
        without="if measured.staged_keys < 0:",
        test=f"{_WRITER}::test_no_box_scores_leaves_the_date_as_it_is_even_where_it_may_shrink",
    ),
    Guard(
        name="rows of another date are published",
        file="grading/writing/staging.py",
        code="if measured.rows_off_date:",
        without="if measured.rows_off_date < 0:",
        test=f"{_WRITER}::test_staging_rows_of_another_date_is_refused",
    ),
    Guard(
        name="staged duplicates are published",
        file="grading/writing/writer.py",
        code="if measured.duplicate_keys and not staged.verbatim:",
        without="if measured.duplicate_keys < 0:",
        test=f"{_WRITER}::test_staged_duplicates_are_told_and_one_row_a_key_is_kept",
    ),
    Guard(
        name="duplicates in the table are not seen",
        file="validation/sql/validate.sql",
        code="COUNTIF(copies > 1) AS duplicate_keys",
        without="0 AS duplicate_keys",
        test=f"{_WRITER}::test_duplicates_in_the_table_are_told_with_samples_and_audited",
    ),
    Guard(
        name="an event delivered twice is worked on twice",
        file="grading/writing/writer.py",
        code=">= run.request.published_ms",
        without="< 0",
        test="tests/integration/test_redelivery.py::test_the_same_event_again_is_acknowledged_without_work",
    ),
    Guard(
        name="5,000 duplicates are removed unseen",
        file="grading/maintenance/remediation.py",
        code="if found.excess_rows > limit:",
        without="if found.excess_rows < 0:",
        test="tests/integration/test_remediation.py::test_5000_duplicates_are_not_touched_and_alerted",
    ),
    Guard(
        name="a repair undoes a publish of the same count and time",
        file="grading/maintenance/sql/fence_check_unchanged.sql",
        code="THEN ERROR('grading:fence_moved')",
        without="THEN ${token}",
        test="tests/integration/test_dedupe.py::test_a_publish_that_looks_alike_is_noticed_by_its_run",
    ),
    Guard(
        name="a repair loses rows of a writer that knows no fence",
        file="grading/maintenance/sql/rows_unchanged.sql",
        code="  ERROR('grading:rows_moved'),",
        without="  0,",
        test="tests/integration/test_dedupe.py::test_rows_of_a_writer_that_knows_no_fence_are_not_lost",
    ),
    Guard(
        name="text from a message ends its literal",
        file="warehouse/statements.py",
        code="c.isprintable() and c not in",
        without="c.isprintable() or c not in",
        test="tests/unit/test_statements.py::test_no_text_can_end_its_literal",
    ),
    Guard(
        name="two contenders create one lock (Firestore)",
        file="locking/firestore/store.py",
        code="types.Precondition.pb()(exists=False)",
        without="None",
        test=f"{_STORES}::test_create_returns_a_version_and_refuses_a_second_document[firestore]",
    ),
    Guard(
        name="two contenders create one lock (SQLite)",
        file="locking/sqlite_store.py",
        code="if _version(database, key) is not None:",
        without="if False:",
        test=f"{_STORES}::test_create_returns_a_version_and_refuses_a_second_document[sqlite]",
    ),
    Guard(
        name="a takeover or renewal ignores a newer holder (Firestore)",
        file="locking/firestore/store.py",
        code="self._write(key, fields, at_version(if_version))",
        without="self._write(key, fields, None)",
        test=f"{_STORES}::test_replace_needs_the_current_version[firestore]",
    ),
    Guard(
        name="a late release removes the successor's lock (Firestore)",
        file="locking/firestore/store.py",
        code="current_document=at_version(if_version))]",
        without="current_document=None)]",
        test=f"{_STORES}::test_a_stale_delete_changes_nothing[firestore]",
    ),
    Guard(
        name="a takeover or renewal ignores a newer holder (SQLite)",
        file="locking/sqlite_store.py",
        code="return _write(database, key, fields) if _version(database, key) == if_version else None",
        without="return _write(database, key, fields)",
        test=f"{_STORES}::test_replace_needs_the_current_version[sqlite]",
    ),
    Guard(
        name="a late release removes the successor's lock (SQLite)",
        file="locking/sqlite_store.py",
        code="if _version(database, key) != if_version:",
        without="if False:",
        test=f"{_STORES}::test_a_stale_delete_changes_nothing[sqlite]",
    ),
    Guard(
        name="a long run loses its lock for want of renewal",
        file="locking/lease.py",
        code="REMINDERS.after(timings.renew_every_seconds, self._start_renewal)",
        without="REMINDERS.after(1e6, self._start_renewal)",
        test=f"{_LOCK}::test_a_renewed_lock_keeps_token_and_says_so_to_others[sqlite]",
    ),
    Guard(
        name="a live lock is taken over",
        file="locking/acquisition.py",
        code="if not status.expired:",
        without="if False:",
        test=f"{_LOCK}::test_a_wait_of_zero_tries_once[sqlite]",
    ),
    Guard(
        name="a live holder's lock is swept away",
        file="locking/stuck.py",
        code="removable = lock.held_seconds > REMOVE_SECONDS and lock.expired",
        without="removable = lock.held_seconds > REMOVE_SECONDS",
        test=f"{_LOCK}::test_the_sweeper_reports_after_10_minutes_and_removes_silent_ones_after_15[sqlite]",
    ),
    Guard(
        name="a process that was frozen believes its lease",
        file="locking/lease.py",
        code="if silent > self._timings.lease_seconds:",
        without="if silent < 0:",
        test="tests/unit/test_lock_parts.py::test_after_a_freeze_the_time_alone_tells_that_the_lease_has_run_out",
    ),
    Guard(
        name="two processes probe a half-open breaker",
        file="grading/breaker.py",
        code="if left > 0:",
        without="if False:",
        test="tests/unit/test_breaker.py::test_of_two_that_read_the_same_state_one_probes",
    ),
    Guard(
        name="the webhook's address is logged",
        file="alerts/slack.py",
        code="self._url.hide_in(record.getMessage())",
        without="record.getMessage()",
        test="tests/unit/test_slack.py::test_the_address_is_in_no_log_error_or_repr",
    ),
    Guard(
        name="values that only replaced rows have are lost",
        file="grading/writing/writer.py",
        code="if staged.carried and measured.present_rows and not run.request.allow_shrink:",
        without="if False:",
        test=f"{_OTHERS}::test_a_publish_that_would_lose_values_is_held_back_and_says_so",
    ),
    Guard(
        name="further columns are emptied when a date is graded again",
        file="grading/writing/adapt.py",
        code="carried.append(column)",
        without="pass",
        test=f"{_OTHERS}::test_further_columns_keep_their_values_when_a_date_is_graded_again",
    ),
    Guard(
        name="a date vanishes after its success",
        file="grading/writing/writer.py",
        code="if target and target.would_expire(run.date, run.deadline.clock.now()):",
        without="if target and False:",
        test=f"{_OTHERS}::test_a_date_that_would_expire_at_once_is_refused",
    ),
    Guard(
        name="catch-up grades another system's dates",
        file="grading/dates/catch_up.py",
        code="first = max(first, own)",
        without="pass",
        test=f"{_OTHERS}::test_dates_before_adopt_from_are_left_alone",
    ),
    Guard(
        name="a column is added while another program writes the table",
        file="grading/maintenance/adoption.py",
        code="plan.existing.rows and not plan.adopted]",
        without="False]",
        test="tests/unit/test_schema_plan.py::test_a_table_with_rows_of_others_waits_for_its_writers",
    ),
    Guard(
        name="a table that cannot hold the values is taken",
        file="grading/writing/schema_plan.py",
        code="if problem := _cannot_hold(own, found, is_key=is_key):",
        without='if problem := "":',
        test="tests/unit/test_schema_plan.py::test_what_a_column_can_hold",
    ),
)
