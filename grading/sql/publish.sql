-- Replaces a date in one transaction. Any error rolls all of it back.
BEGIN TRANSACTION;

-- Every publish to this table mutates this row, so two of them at once always conflict and one is aborted.
UPDATE ${fence}
SET token = token + 1, run_id = ${run_id}, updated_at = CURRENT_TIMESTAMP()
WHERE lock_key = ${sentinel};

SELECT IF(
  (SELECT COUNT(*) FROM ${fence} WHERE lock_key = ${sentinel}) = 1,
  0,
  ERROR('grading:sentinel_missing'));

${guards}

MERGE ${fence} AS fence
USING (SELECT ${lock_key} AS lock_key) AS entry
ON fence.lock_key = entry.lock_key
WHEN MATCHED THEN
  UPDATE SET token = ${token}, run_id = ${run_id}, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN
  INSERT (lock_key, token, run_id, updated_at) VALUES (${lock_key}, ${token}, ${run_id}, CURRENT_TIMESTAMP());

INSERT INTO ${runs} (
  run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
  rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail)
SELECT
  ${run_id}, ${event_id}, ${processor}, ${date}, ${trigger_source}, ${token}, ${lock_wait_ms}, ${locked},
  (SELECT COUNT(*) FROM ${target} WHERE ${partition_column} = ${date}),
  (SELECT COUNT(*) FROM ${staging}),
  ${duplicate_keys}, ${started_at}, CURRENT_TIMESTAMP(), ${status}, ${detail};

DELETE FROM ${target} WHERE ${partition_column} = ${date};

INSERT INTO ${target} (${columns})
SELECT ${selected}
FROM ${staging};

COMMIT TRANSACTION;
