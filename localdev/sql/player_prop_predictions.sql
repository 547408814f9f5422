CREATE TABLE IF NOT EXISTS ${table} (
  prediction_id STRING NOT NULL,
  system_id STRING NOT NULL,
  player_lookup STRING NOT NULL,
  game_id STRING NOT NULL,
  game_date DATE NOT NULL,
  predicted_points NUMERIC(38, 9),
  confidence_score NUMERIC(38, 9),
  recommendation STRING,
  current_points_line NUMERIC(38, 9),
  pace_adjustment NUMERIC(38, 9),
  similar_games_count INT64,
  model_version STRING,
  has_prop_line BOOL,
  line_source STRING,
  estimated_line_value NUMERIC(38, 9),
  is_actionable BOOL,
  filter_reason STRING,
  injury_status_at_prediction STRING,
  injury_flag_at_prediction BOOL,
  is_active BOOL,
  invalidation_reason STRING,
  created_at TIMESTAMP
)
PARTITION BY game_date
CLUSTER BY system_id, player_lookup
