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
_DEPLOYMENTS = "tests/deploy/test_deployments.py"

_SCRATCH = "tests/conformance/test_scratch.py"
_CHECKS = "tests/integration/test_checks_alone.py"
_ERRORS = "tests/unit/test_bigquery_errors.py"
_HANDLER = "tests/unit/test_handler.py"
_MISSING = "tests/integration/test_rows_missing.py"
_CASES = "tests/integration/test_cases.py"

GUARDS = (
    Guard(
        name="a dataset of someone else is taken for scratch",
        file="conformance/sweep.py",
        code="if listed.labels.get(LABEL[0]) != LABEL[1]:",
        without="if False:",
        test=f"{_SCRATCH}::test_a_dataset_that_is_not_ours_stops_the_run",
    ),
    Guard(
        name="a real collection is swept",
        file="conformance/sweep.py",
        code="if not name.startswith(PREFIX):\n            raise",
        without="if False:\n            raise",
        test=f"{_SCRATCH}::test_a_run_that_claims_a_real_collection_is_refused",
    ),
    Guard(
        name="a run that may still work is swept",
        file="conformance/sweep.py",
        code="if now - scratch.made >= older_than:",
        without="if True:",
        test=f"{_SCRATCH}::test_a_sweep_takes_what_is_old_and_leaves_what_may_still_run",
    ),
    Guard(
        name="two jobs that never met prove that they do not harm each other",
        file="conformance/assertions/concurrency.py",
        code="return max(self.started, other.started) < min(self.ended, other.ended)",
        without="return True",
        test="tests/conformance/test_assertions.py::test_two_jobs_that_did_not_overlap_prove_nothing",
    ),
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
        code="measured.staged_keys < self.min_keys_ratio * measured.present_keys:",
        without="measured.staged_keys < 0:",
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
        code="< run.request.published_ms:",
        without="< 10**18:",
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
    Guard(
        name="a table is taken whose partitions are of another column",
        file="grading/writing/schema_plan.py",
        code="if existing.partition == own.partition and own.partition:",
        without="if True:",
        test="tests/unit/test_schema_plan.py::test_a_wrong_partition_names_both_ways_out",
    ),
    Guard(
        name="a REQUIRED column is left NULL",
        file="grading/writing/schema_plan.py",
        code="and own.name not in ALWAYS_FILLED and not _counted(own):",
        without="and False:",
        test="tests/unit/test_schema_plan.py::test_what_a_column_can_hold",
    ),
    Guard(
        name="each event fails for good on an input column that is missing",
        file="grading/writing/input_plan.py",
        code="        if column is None:\n            why",
        without="        if column is None and optional:\n            why",
        test="tests/unit/test_schema_plan.py::test_a_missing_input_column_is_named_with_its_table_and_its_purpose",
    ),
    Guard(
        name="datasets in another place",
        file="grading/maintenance/adoption.py",
        code="    check_location(settings, jobs.warehouse)\n    return",
        without="    return",
        test="tests/unit/test_schema_plan.py::test_a_plan_begins_with_the_datasets_places",
    ),
    Guard(
        name="a table with rows gets a column without a backup",
        file="grading/maintenance/adoption.py",
        code="    if plan.existing and plan.existing.rows:",
        without="    if False:",
        test="tests/integration/test_adoption.py::test_a_running_system_is_taken_over",
    ),
    Guard(
        name="an optional input that may not be read stops all grading",
        file="grading/writing/inputs.py",
        code="except (Permanent, AccessRefused) as error:",
        without="except Permanent as error:",
        test=f"{_OTHERS}::test_an_optional_input_that_may_not_be_read_is_read_as_empty",
    ),
    Guard(
        name="a function whose tables do not fit says that it is ready",
        file="grading/maintenance/adoption.py",
        code="    if plan.refused:\n        more",
        without="    if False:\n        more",
        test="tests/integration/test_self_check.py::test_the_deployed_function_says_whether_it_could_grade",
    ),
    Guard(
        name="deploy.sh takes a failed self check for one that is not there yet",
        file="main.py",
        code="status=500",
        without="status=503",
        test="tests/integration/test_self_check.py::test_the_deployed_function_says_whether_it_could_grade",
    ),
    Guard(
        name="JSON columns are compared as they are",
        file="warehouse/columns.py",
        code="name if self.groupable else",
        without="name if True else",
        test="tests/integration/test_preflight.py"
        "::test_the_analyzer_accepts_every_statement_on_a_running_systems_tables",
    ),
    Guard(
        name="a table of theirs that has the default name is granted to us",
        file="deploy/settings.sh",
        code="name=$(setting \"$(printf '%s' \"${name}_table\" | tr '[:lower:]' '[:upper:]')\" \"$name\")",
        without=":",
        test="tests/unit/test_deploy.py::test_the_function_may_edit_its_tables_by_the_names_that_settings_give_them",
    ),
    Guard(
        name="a misspelt setting is ignored",
        file="deploy/settings.sh",
        code="grading/settings.py \\\n      || die",
        without="grading/settings.py \\\n      || true",
        test="tests/unit/test_deploy.py::test_a_bad_settings_file_is_refused",
    ),
    Guard(
        name="traffic follows the newest revision before it has checked itself",
        file="deploy/function.sh",
        code="  pin_traffic\n  if",
        without="  if",
        test=f"{_DEPLOYMENTS}::test_traffic_is_switched_last_and_stays_if_the_self_check_fails",
    ),
    Guard(
        name="events reach a revision that has not checked itself",
        file="deploy/function.sh",
        code='  check_itself "$created" "${CANDIDATE_URL:-https://CANDIDATE_URL}" "$url"',
        without="",
        test=f"{_DEPLOYMENTS}::test_traffic_is_switched_last_and_stays_if_the_self_check_fails",
    ),
    Guard(
        name="a later deployment records ours as the old revision",
        file="deploy/function.sh",
        code='if [ "$FUNCTION_STATE" = theirs ]; then',
        without="if true; then",
        test=f"{_DEPLOYMENTS}::test_the_old_revision_is_recorded_once",
    ),
    Guard(
        name="a default expiration is set on someone's dataset",
        file="deploy/preflight.sh",
        code='[ "$STAGING_STATE" != theirs ]',
        without="true",
        test=f"{_DEPLOYMENTS}::test_a_dataset_that_is_not_ours_is_refused_as_staging",
    ),
    Guard(
        name="a job that a person paused is resumed",
        file="deploy/schedule.sh",
        code="*) return 1 ;; esac; }",
        without="*) return 0 ;; esac; }",
        test=f"{_DEPLOYMENTS}::test_a_paused_old_system_keeps_its_pause_and_ours_starts_at_once",
    ),
    Guard(
        name="a check that cannot be run takes the others along",
        file="validation/quality.py",
        code="    except GradingError as error:\n        return error",
        without="    except GradingError:\n        raise",
        test=f"{_CHECKS}::test_a_column_that_is_missing_fails_only_the_checks_that_read_it",
    ),
    Guard(
        name="one date without games pages",
        file="validation/sql/check_freshness.sql",
        code="GREATEST(COUNT(finding), IF(LOGICAL_OR(is_certain), 2, 0))",
        without="IF(COUNT(finding) > 0, 2, 0)",
        test=f"{_CHECKS}::test_one_empty_date_may_be_one_without_games[lost0-pass]",
    ),
    Guard(
        name="chance pages",
        file="validation/sql/check_health.sql",
        code="now.win_high < ${milestone_win_rate}",
        without="now.win_rate < ${milestone_win_rate}",
        test=f"{_CHECKS}::test_a_bad_week_of_few_bets_is_not_reported",
    ),
    Guard(
        name="a lasting state pages each day",
        file="alerts/suppression.py",
        code="return not alert.lasting and document.age_seconds > self._interval_seconds",
        without="return document.age_seconds > self._interval_seconds",
        test="tests/unit/test_lasting_alerts.py::test_time_is_no_news",
    ),
    Guard(
        name="a system that is worse than before is told once, and never again after it was well",
        file="alerts/suppression.py",
        code='return {**document.fields, "names": "\\n".join(alert.names)} if gone else None',
        without="return None",
        test="tests/unit/test_lasting_alerts.py::test_a_new_name_is_news_and_one_that_comes_back_is",
    ),
    Guard(
        name="a player whose line moved counts as several bets",
        file="grading/report/sql/accuracy.sql",
        code="  ) = 1\n),\ncounted",
        without="  ) > 0\n),\ncounted",
        test="tests/integration/test_accuracy.py::test_every_number_equals_an_independent_computation",
    ),
    Guard(
        name="a name from a table becomes markup in the report",
        file="grading/report/page.py",
        code="autoescape=True",
        without="autoescape=False",
        test="tests/unit/test_report_page.py::test_hostile_names_stay_text",
    ),
    Guard(
        name="the older state is read as it is now, so that nothing seems changed",
        file="grading/report/diff.py",
        code='"as_of": _as_of(publishes.older_as_of),',
        without='"as_of": Sql(""),',
        test="tests/integration/test_diff.py::test_runs_may_be_named_and_copies_of_a_key_are_counted",
    ),
    Guard(
        name="a project id that ends in grading makes every error final",
        file="warehouse/bigquery_errors.py",
        code="_GUARD.fullmatch(line)",
        without="re.search(r'grading:(?P<name>[a-z_]+)', line)",
        test=f"{_ERRORS}::test_a_project_id_that_ends_in_grading_is_no_guard",
    ),
    Guard(
        name="what is not known is final",
        file="warehouse/bigquery_errors.py",
        code="return StatementRefused(line) if _refused(error, text, reason) else None",
        without="return StatementRefused(line)",
        test="tests/unit/test_answers.py::test_what_is_not_known_is_transient",
    ),
    Guard(
        name="a job that is not found is a missing table",
        file="warehouse/bigquery_errors.py",
        code="if _JOB_UNKNOWN.match(text.strip()):",
        without="if False:",
        test=f"{_ERRORS}::test_a_table_that_is_named_like_a_job_is_a_table",
    ),
    Guard(
        name="a refusal after a lost answer releases the lock",
        file="warehouse/job_end.py",
        code="if all(not_connected(failure) or definitely_refused(failure) for failure in failures):",
        without="if definitely_refused(error):",
        test=f"{_ERRORS}::test_what_was_refused_after_an_answer_was_lost_is_unknown",
    ),
    Guard(
        name="rows that are gone after the commit are a success",
        file="grading/service.py",
        code="return report.total_rows < published and report.fence_run_id == run.run_id",
        without="return False",
        test=f"{_MISSING}::test_rows_deleted_after_the_commit_are_no_success[TRUE]",
    ),
    Guard(
        name="rows of someone else are taken for missing ones",
        file="grading/service.py",
        code=" and report.fence_run_id == run.run_id",
        without="",
        test=f"{_MISSING}::test_rows_that_someone_else_replaced_are_nothing_wrong",
    ),
    Guard(
        name="a redelivery trusts the fence alone",
        file="grading/writing/writer.py",
        code='>= int(found[0]["rows_published"] or 0)',
        without=">= 0",
        test=f"{_MISSING}::test_the_event_is_acknowledged_and_its_redelivery_grades_again",
    ),
    Guard(
        name="an aggregate misses grades that were committed late",
        file="grading/dates/survey.py",
        code="elif last.covers is None:",
        without="elif True:",
        test="tests/unit/test_backfill.py::TestDue::"
        "test_other_grades_than_an_aggregate_covers_make_it_due_whatever_the_clocks_say",
    ),
    Guard(
        name="a poisonous event is parsed before its age is checked",
        file="grading/pubsub/handler.py",
        code="if age > timedelta(seconds=self.settings.event_max_age):",
        without="if False:",
        test=f"{_HANDLER}::test_the_age_of_a_poisonous_event_is_checked_before_it_is_parsed",
    ),
    Guard(
        name="an unreadable publish time is always new",
        file="grading/pubsub/handler.py",
        code="header.published_at or self.memory.first_seen(header.message_id)",
        without="header.published_at or now",
        test=f"{_HANDLER}::test_a_publish_time_that_cannot_be_read_counts_from_the_first_delivery",
    ),
    Guard(
        name="one date keeps catch-up alive",
        file="grading/dates/catch_up.py",
        code="if times < _ALIKE:",
        without="if True:",
        test=f"{_HANDLER}::test_catch_up_acknowledges_what_failed_twice_alike",
    ),
    Guard(
        name="a missing database looks like someone else's lock",
        file="locking/firestore/wire.py",
        code="not any(words in text for words in _NO_DATABASE)",
        without="True",
        test="tests/unit/test_late_store.py::test_a_database_that_is_missing_is_no_answer_about_a_document",
    ),
    Guard(
        name="a lone surrogate reaches SQL",
        file="warehouse/statements.py",
        code="for c in valid(text)",
        without="for c in text",
        test="tests/properties/test_literals.py::test_any_text_comes_back",
    ),
    Guard(
        name="a NUMERIC of 29 digits is rounded",
        file="grading/writing/rows.py",
        code="rounded = number.quantize(_NUMERIC_SCALE, context=_NUMERIC)",
        without="rounded = number.quantize(_NUMERIC_SCALE)",
        test="tests/properties/test_rows.py::test_any_value_is_stored_rightly_or_refused[NUMERIC]",
    ),
    Guard(
        name="alerts outlast their invocation",
        file="alerts/slack.py",
        code="budget = self._time_left.left(self._budget_seconds)",
        without="budget = self._budget_seconds",
        test="tests/faults/test_hanging.py::test_an_invocation_ends_in_time_while_bigquery_and_slack_hang",
    ),
    Guard(
        name="a broken listener lets its waiter sleep",
        file="locking/line.py",
        code="                self._broken = True\n                self._news.notify_all()\n",
        without="                pass\n",
        test="tests/unit/test_late_store.py::test_a_listener_that_breaks_wakes_its_waiter",
    ),
    Guard(
        name="a half-time box score counts beside the final one",
        file="grading/sql/counted_box_scores.sql",
        code="minutes_played DESC, points DESC",
        without="minutes_played, points",
        test=f"{_CASES}::test_of_differing_box_scores_played_counts_before_not_and_the_most_minutes",
    ),
    Guard(
        name="a prediction is graded by a game of other teams",
        file="grading/sql/found_box_scores.sql",
        code="(b.games = 1 AND (b.teams IS NULL OR asked.teams IS NULL))",
        without="b.games = 1",
        test=f"{_CASES}::test_ids_that_differ",
    ),
    Guard(
        name="a prediction made after the game wins",
        file="grading/sql/is_kept.sql",
        code="NOT (${made_after_game})",
        without="TRUE",
        test=f"{_CASES}::test_a_prediction_made_after_the_game_never_counts_beside_an_earlier_one",
    ),
    Guard(
        name="catch-up tries for ever what is refused",
        file="grading/dates/survey.py",
        code="or state.would_shrink(min_keys_ratio)",
        without="",
        test=f"{_CASES}::test_catch_up_rests_where_a_publish_would_be_refused",
    ),
)
