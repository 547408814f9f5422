-- The two teams that a game id of the form YYYYMMDD_AWAY_HOME names, in one order for both; NULL for any other id.
IF(
  REGEXP_CONTAINS(game_id, r'^\d{8}_[A-Za-z0-9]+_[A-Za-z0-9]+$$'),
  LEAST(SUBSTR(game_id, 10), REGEXP_REPLACE(game_id, r'^\d+_(\w+)_(\w+)$$', r'\2_\1')),
  NULL)
