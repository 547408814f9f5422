-- What is published of a date: its data token, the rows that its run published, and the rows that are there.
SELECT
  fence.token,
  fence.run_id,
  MAX(run.rows_inserted) AS rows_published,
  (SELECT COUNT(*) FROM ${target} WHERE ${partition_column} = ${date}) AS rows_present
FROM ${fence} AS fence
LEFT JOIN ${runs} AS run
  ON run.run_id = fence.run_id
  AND run.game_date = ${date}
  AND run.processor = ${processor}
  AND run.committed_at IS NOT NULL
WHERE fence.lock_key = ${lock_key}
GROUP BY fence.token, fence.run_id
