SELECT
  run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
  rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail
FROM ${runs}
WHERE game_date = ${date}
ORDER BY started_at DESC, run_id
