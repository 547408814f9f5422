-- Each date and processor of a range: how its last publish and its last run ended, and what happened on the way.
WITH runs AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY game_date, processor ORDER BY started_at DESC, run_id) AS from_last,
    ROW_NUMBER() OVER (
      PARTITION BY game_date, processor
      ORDER BY committed_at IS NULL, committed_at DESC, run_id) AS from_last_publish
  FROM ${runs}
  WHERE game_date BETWEEN ${first} AND ${last}
)
SELECT
  game_date,
  processor,
  COUNT(*) AS run_count,
  COUNTIF(committed_at IS NOT NULL) AS publishes,
  MAX(IF(from_last = 1, status, NULL)) AS last_status,
  MAX(IF(from_last_publish = 1 AND committed_at IS NOT NULL, status, NULL)) AS published_status,
  MAX(IF(from_last_publish = 1 AND committed_at IS NOT NULL, rows_inserted, NULL)) AS published_rows,
  MAX(IF(from_last_publish = 1, UNIX_MILLIS(committed_at), NULL)) AS published_ms,
  MAX(IF(from_last = 1, UNIX_MILLIS(started_at), NULL)) AS last_ms,
  MAX(lock_wait_ms) AS longest_wait_ms,
  COUNTIF(locked IS FALSE) AS without_lock,
  COUNTIF(taken_over_from IS NOT NULL) AS takeovers,
  COUNTIF(waited_for IS NOT NULL) AS waits,
  IFNULL(SUM(refused), 0) AS refused,
  COUNTIF(status = 'failed') AS failures
FROM runs
GROUP BY game_date, processor
ORDER BY game_date, processor
LIMIT ${limit}
