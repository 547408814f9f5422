-- Our token is the creation time of our staging job: the newest staged data wins, whoever publishes first.
WHEN TIMESTAMP_MILLIS(run.token) > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 60 SECOND)
  THEN ERROR('grading:token_from_the_future')
WHEN held.token >= run.token
  THEN ERROR('grading:fence_newer')
