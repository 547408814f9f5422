"""The assertions, in the order in which they run."""

from __future__ import annotations

from conformance.assertion import Assertion
from conformance.assertions import (
    concurrency,
    deployed,
    dry_runs,
    guards,
    jobs,
    locks,
    refusals,
    snapshots,
    stopping,
    timings,
    transaction,
)

# The safety of the write first: a run that is cut short has shown what matters most. Idleness comes
# last, so that it has gone on for minutes by then.
ASSERTIONS: tuple[Assertion, ...] = (
    concurrency.two_publishes_at_once,
    concurrency.commit_before_our_merge,
    concurrency.append_between_delete_and_commit,
    locks.firestore_codes,
    timings.time_of_a_date,
    stopping.stopped_in_mid_transaction,
    guards.guards_come_back_as_themselves,
    jobs.one_job_id_twice,
    jobs.creation_times,
    transaction.delete_reads_no_bytes,
    transaction.current_timestamp_beside_the_commit,
    refusals.what_is_missing_or_closed,
    jobs.own_jobs_with_the_deployed_roles,
    dry_runs.statements_are_accepted_and_pruned,
    snapshots.snapshot_expiry_restore,
    locks.hand_off_and_idleness,
    # The counter first: its point comes from what follows.
    deployed.increase_over_a_single_point,
    deployed.end_to_end,
    deployed.instance_ended_in_mid_publish,
)
