-- The token to record, or an error. Ours is the creation time of our staging job: the newest staged data wins, whoever
-- publishes first.
CASE
  WHEN (SELECT COUNT(*) FROM ${fence} WHERE lock_key = ${sentinel}) != 1
    THEN ERROR('grading:sentinel_missing')
  WHEN TIMESTAMP_MILLIS(${token}) > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 60 SECOND)
    THEN ERROR('grading:token_from_the_future')
  WHEN EXISTS (SELECT 1 FROM ${fence} WHERE lock_key = ${lock_key} AND token = ${token} AND run_id = ${run_id})
    THEN ERROR('grading:already_published')
  WHEN EXISTS (SELECT 1 FROM ${fence} WHERE lock_key = ${lock_key} AND token >= ${token})
    THEN ERROR('grading:fence_newer')
  ELSE ${token}
END
