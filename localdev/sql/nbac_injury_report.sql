CREATE TABLE IF NOT EXISTS ${table} (
  player_lookup STRING NOT NULL,
  game_id STRING,
  game_date DATE NOT NULL,
  injury_status STRING,
  reason STRING,
  report_date DATE,
  report_hour INT64
)
PARTITION BY game_date
