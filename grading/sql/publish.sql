-- Replaces some dates in one transaction. Any error rolls all of it back.
BEGIN TRANSACTION;

-- Checks the fence of each date and takes it, in one statement. Every publish to this table changes the sentinel's row,
-- so two of them at once always conflict and one is aborted.
MERGE ${fence} AS fence
USING (
  SELECT
    run.lock_key,
    run.run_id,
    CASE
      WHEN (SELECT COUNT(*) FROM ${fence} WHERE lock_key = ${sentinel}) != 1
        THEN ERROR('grading:sentinel_missing')
      WHEN run.lock_key = ${sentinel}
        THEN run.token
      WHEN held.token = run.token AND held.run_id = run.run_id
        THEN ERROR('grading:already_published')
      ${fence_check}
      ELSE run.token
    END AS token
  FROM UNNEST(${entries}) AS run
  LEFT JOIN (
    SELECT lock_key, MAX(token) AS token, MAX(run_id) AS run_id
    FROM ${fence}
    WHERE lock_key IN (${lock_keys})
    GROUP BY lock_key
  ) AS held ON held.lock_key = run.lock_key
) AS taken
ON fence.lock_key = taken.lock_key
WHEN MATCHED THEN
  UPDATE SET token = taken.token, run_id = taken.run_id, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN
  INSERT (lock_key, token, run_id, updated_at) VALUES (taken.lock_key, taken.token, taken.run_id, CURRENT_TIMESTAMP());

${further_check}

INSERT INTO ${runs} (${recorded_columns}, rows_deleted, committed_at, covers)
SELECT
  ${recorded},
  IFNULL(present.present_rows, 0),
  CURRENT_TIMESTAMP(),
  ${covers}
FROM UNNEST(${recorded_runs}) AS run
LEFT JOIN (
  SELECT ${partition_column} AS day, COUNT(*) AS present_rows
  FROM ${target}
  WHERE ${partition_column} IN (${dates})
  GROUP BY ${partition_column}
) AS present ON present.day = run.game_date
${covering};

DELETE FROM ${target} WHERE ${partition_column} IN (${dates});

INSERT INTO ${target} (${columns})
SELECT ${selected}
FROM ${staging} AS staged
WHERE staged.${partition_column} IN (${dates});

COMMIT TRANSACTION;
