-- Who published each date of a range last, by one fence: the data token, when it was put there, the run, what the run
-- covers, and whether its rows were found missing later.
SELECT
  ${processor} AS processor,
  fence.lock_key,
  fence.token,
  UNIX_MILLIS(fence.updated_at) AS updated_ms,
  fence.run_id,
  MAX(run.covers) AS covers,
  LOGICAL_OR(IFNULL(run.status = 'rows_missing', FALSE)) AS rows_missing
FROM ${fence} AS fence
LEFT JOIN ${runs} AS run
  ON run.run_id = fence.run_id
  AND run.processor = ${processor}
  AND run.game_date BETWEEN ${first} AND ${last}
WHERE fence.lock_key BETWEEN ${first_key} AND ${last_key}
GROUP BY fence.lock_key, fence.token, fence.updated_at, fence.run_id
