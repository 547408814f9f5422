CREATE TABLE IF NOT EXISTS ${runs} (
  run_id STRING NOT NULL,
  event_id STRING,
  processor STRING NOT NULL,
  game_date DATE NOT NULL,
  trigger_source STRING,
  fence_token INT64,
  lock_wait_ms INT64,
  locked BOOL,
  rows_deleted INT64,
  rows_inserted INT64,
  duplicate_keys INT64,
  started_at TIMESTAMP,
  committed_at TIMESTAMP,
  status STRING,
  detail STRING,
  covers STRING
)
PARTITION BY game_date
CLUSTER BY processor, status
