CREATE TABLE IF NOT EXISTS ${target} (
  game_date DATE NOT NULL,
  system_id STRING NOT NULL,
  predictions_count INT64,
  recommendations_count INT64,
  correct_count INT64,
  incorrect_count INT64,
  pass_count INT64,
  win_rate NUMERIC(38, 9),
  mae NUMERIC(38, 9),
  avg_bias NUMERIC(38, 9),
  over_count INT64,
  over_correct INT64,
  over_win_rate NUMERIC(38, 9),
  under_count INT64,
  under_correct INT64,
  under_win_rate NUMERIC(38, 9),
  within_3_count INT64,
  within_3_pct NUMERIC(38, 9),
  within_5_count INT64,
  within_5_pct NUMERIC(38, 9),
  avg_confidence NUMERIC(38, 9),
  high_confidence_count INT64,
  high_confidence_correct INT64,
  high_confidence_win_rate NUMERIC(38, 9),
  voided_count INT64,
  computed_at TIMESTAMP,
  run_id STRING,
  fence_token INT64,
  push_count INT64
)
PARTITION BY game_date
CLUSTER BY system_id
OPTIONS (require_partition_filter = TRUE)
