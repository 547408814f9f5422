-- Our token is the creation time of our staging job: the newest staged data wins, whoever publishes first.
SELECT IF(
  TIMESTAMP_MILLIS(${token}) > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 60 SECOND),
  ERROR('grading:token_from_the_future'),
  0);

SELECT IF(
  EXISTS (SELECT 1 FROM ${fence} WHERE lock_key = ${lock_key} AND token = ${token} AND run_id = ${run_id}),
  ERROR('grading:already_published'),
  0);

SELECT IF(
  EXISTS (SELECT 1 FROM ${fence} WHERE lock_key = ${lock_key} AND token >= ${token}),
  ERROR('grading:fence_newer'),
  0);
