-- One beside each target: who published each date last, and the sentinel row that every publish updates.
CREATE TABLE IF NOT EXISTS ${fence} (
  lock_key STRING NOT NULL,
  token INT64 NOT NULL,
  run_id STRING,
  updated_at TIMESTAMP
)
CLUSTER BY lock_key
