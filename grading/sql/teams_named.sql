-- The two teams that a game id of the form YYYYMMDD_AWAY_HOME names, in one order for both; NULL for any other id.
CASE
  WHEN REGEXP_CONTAINS(game_id, r'^\d{8}_[A-Za-z0-9]+_[A-Za-z0-9]+$$') THEN UPPER(CONCAT(
    LEAST(SPLIT(game_id, '_')[SAFE_OFFSET(1)], SPLIT(game_id, '_')[SAFE_OFFSET(2)]), '_',
    GREATEST(SPLIT(game_id, '_')[SAFE_OFFSET(1)], SPLIT(game_id, '_')[SAFE_OFFSET(2)])))
END
