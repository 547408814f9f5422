-- Records a run that was superseded, unless its event has published the date before: then its delivery is a repeat, and
-- nothing is inserted.
INSERT INTO ${runs} (
  run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
  rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail,
  ${recorded_columns})
SELECT
  ${run_id}, ${event_id}, ${processor}, ${date}, ${trigger_source}, NULL, ${lock_wait_ms}, ${locked},
  0, 0, 0, ${started_at}, NULL, 'superseded', '',
  ${recorded}
FROM (SELECT 1)
WHERE NOT EXISTS (
  SELECT 1
  FROM ${runs}
  WHERE game_date = ${date}
    AND processor = ${processor}
    AND event_id = ${event_id}
    AND committed_at IS NOT NULL)
