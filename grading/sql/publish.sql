-- Replaces a date in one transaction. Any error rolls all of it back.
BEGIN TRANSACTION;

-- Checks the fence and takes it, in one statement. Every publish to this table changes the sentinel's row, so two of
-- them at once always conflict and one is aborted.
MERGE ${fence} AS fence
USING (
  SELECT
    lock_key,
    CASE
      WHEN (SELECT COUNT(*) FROM ${fence} WHERE lock_key = ${sentinel}) != 1
        THEN ERROR('grading:sentinel_missing')
      WHEN EXISTS (SELECT 1 FROM ${fence} WHERE lock_key = ${lock_key} AND token = ${token} AND run_id = ${run_id})
        THEN ERROR('grading:already_published')
      ${fence_check}
      ELSE ${token}
    END AS token
  FROM UNNEST([${sentinel}, ${lock_key}]) AS lock_key
) AS taken
ON fence.lock_key = taken.lock_key
WHEN MATCHED THEN
  UPDATE SET token = taken.token, run_id = ${run_id}, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN
  INSERT (lock_key, token, run_id, updated_at) VALUES (taken.lock_key, taken.token, ${run_id}, CURRENT_TIMESTAMP());

${further_checks}

INSERT INTO ${runs} (
  run_id, event_id, processor, game_date, trigger_source, fence_token, lock_wait_ms, locked,
  rows_deleted, rows_inserted, duplicate_keys, started_at, committed_at, status, detail,
  rules_version, keys_added, keys_removed, box_scores_differing, game_ids_differing, confidence_out_of_range,
  publish_job_id, covers, ${recorded_columns})
SELECT
  ${run_id}, ${event_id}, ${processor}, ${date}, ${trigger_source}, ${token}, ${lock_wait_ms}, ${locked},
  (SELECT COUNT(*) FROM ${target} WHERE ${partition_column} = ${date}),
  ${rows_inserted},
  ${duplicate_keys}, ${started_at}, CURRENT_TIMESTAMP(), ${status}, ${detail},
  ${rules_version}, ${keys_added}, ${keys_removed},
  ${box_scores_differing}, ${game_ids_differing}, ${confidence_out_of_range},
  ${publish_job_id}, ${covers}, ${recorded};

DELETE FROM ${target} WHERE ${partition_column} = ${date};

INSERT INTO ${target} (${columns})
SELECT ${selected}
FROM ${staging};

COMMIT TRANSACTION;
