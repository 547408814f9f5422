CREATE TABLE IF NOT EXISTS ${audit} (
  detected_at TIMESTAMP NOT NULL,
  game_date DATE NOT NULL,
  duplicate_count INT64,
  processor STRING,
  player_lookup STRING,
  system_id STRING,
  line_value FLOAT64,
  duplicate_occurrence_count INT64,
  investigation_url STRING,
  resolved_at TIMESTAMP,
  resolution_notes STRING
)
PARTITION BY DATE(detected_at)
CLUSTER BY game_date, processor
