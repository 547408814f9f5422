CREATE TABLE IF NOT EXISTS ${table} (
  prediction_id STRING NOT NULL,
  system_id STRING NOT NULL,
  player_lookup STRING NOT NULL,
  game_id STRING NOT NULL,
  game_date DATE NOT NULL,
  predicted_points NUMERIC,
  confidence_score NUMERIC,
  recommendation STRING,
  current_points_line NUMERIC,
  pace_adjustment NUMERIC,
  similar_games_count INT64,
  model_version STRING,
  has_prop_line BOOL,
  line_source STRING,
  estimated_line_value NUMERIC,
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
