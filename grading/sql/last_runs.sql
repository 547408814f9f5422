SELECT
  run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
  rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail,
  rules_version, keys_added, keys_removed, box_scores_differing, game_ids_differing, confidence_out_of_range
FROM ${runs}
ORDER BY started_at DESC, run_id
LIMIT ${count}
