CREATE TABLE IF NOT EXISTS ${table} (
  player_lookup STRING NOT NULL,
  game_id STRING NOT NULL,
  game_date DATE NOT NULL,
  team_abbr STRING,
  opponent_team_abbr STRING,
  minutes_played NUMERIC(38, 9),
  points INT64,
  is_dnp BOOL
)
PARTITION BY game_date
CLUSTER BY player_lookup
