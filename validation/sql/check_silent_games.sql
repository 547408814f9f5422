-- Games with predictions and without any box score, though the box scores of that date or of a later one are in.
-- Players are compared, not game ids, which may differ. Of a player who is listed as out none is expected.
WITH predicted AS (
  SELECT game_date, game_id, player_lookup, COUNT(*) AS predictions
  FROM ${predictions}
  WHERE game_date BETWEEN ${start} AND ${yesterday} AND is_active AND invalidation_reason IS NULL
  GROUP BY game_date, game_id, player_lookup
),
played AS (
  SELECT DISTINCT game_date, player_lookup
  FROM ${box_scores}
  WHERE game_date BETWEEN ${start} AND ${yesterday}
),
reports AS (
  SELECT game_date, player_lookup, is_listed_out
  FROM (
    ${newest_injury_reports}
  )
),
games AS (
  SELECT
    predicted.game_date,
    predicted.game_id,
    SUM(predicted.predictions) AS predictions
  FROM predicted
  LEFT JOIN played ON played.game_date = predicted.game_date AND played.player_lookup = predicted.player_lookup
  LEFT JOIN reports ON reports.game_date = predicted.game_date AND reports.player_lookup = predicted.player_lookup
  GROUP BY predicted.game_date, predicted.game_id
  HAVING COUNTIF(played.player_lookup IS NOT NULL) = 0 AND COUNTIF(reports.is_listed_out IS NOT TRUE) > 0
)
SELECT
  COUNT(*) AS silent_games,
  STRING_AGG(
    CONCAT(CAST(game_date AS STRING), ' ', game_id, ': ', CAST(predictions AS STRING), ' predictions'),
    '; ' ORDER BY game_date DESC, game_id LIMIT 20
  ) AS silent_games_samples
FROM games
WHERE game_date <= (SELECT MAX(game_date) FROM played)
