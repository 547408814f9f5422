CREATE TABLE IF NOT EXISTS ${target} (
  summary_key STRING NOT NULL,
  as_of_date DATE NOT NULL,
  system_id STRING NOT NULL,
  period_type STRING NOT NULL,
  period_value STRING NOT NULL,
  player_lookup STRING,
  archetype STRING,
  confidence_tier STRING,
  situation STRING,
  total_predictions INT64,
  total_recommendations INT64,
  hits INT64,
  misses INT64,
  hit_rate NUMERIC(38, 9),
  over_hit_rate NUMERIC(38, 9),
  under_hit_rate NUMERIC(38, 9),
  mae NUMERIC(38, 9),
  avg_bias NUMERIC(38, 9),
  within_3_pct NUMERIC(38, 9),
  within_5_pct NUMERIC(38, 9),
  avg_confidence NUMERIC(38, 9),
  unique_players INT64,
  unique_games INT64,
  period_start_date DATE,
  period_end_date DATE,
  computed_at TIMESTAMP,
  run_id STRING,
  fence_token INT64,
  pushes INT64
)
PARTITION BY as_of_date
CLUSTER BY system_id, period_type
OPTIONS (require_partition_filter = TRUE)
