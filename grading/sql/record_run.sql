-- A run that published nothing. Published ones are recorded by their own transaction.
INSERT INTO ${runs} (
  run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
  rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail, rules_version,
  ${recorded_columns})
VALUES (
  ${run_id}, ${event_id}, ${processor}, ${date}, ${trigger_source}, NULL, ${lock_wait_ms}, ${locked},
  0, 0, 0, ${started_at}, NULL, ${status}, ${detail}, ${rules_version},
  ${recorded})
