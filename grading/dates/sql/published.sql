-- Who published each date of a range last, by one fence: the data token, and when it was put there.
SELECT
  ${processor} AS processor,
  lock_key,
  token,
  UNIX_MILLIS(updated_at) AS updated_ms
FROM ${fence}
WHERE lock_key BETWEEN ${first_key} AND ${last_key}
