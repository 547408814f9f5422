-- Players with several box scores of one game.
SELECT
  COUNT(*) AS duplicate_box_scores,
  STRING_AGG(sample, '; ' ORDER BY sample LIMIT 5) AS duplicate_box_scores_samples
FROM (
  SELECT
    CONCAT(CAST(game_date AS STRING), ' ', player_lookup, ' ', game_id, ': ', CAST(COUNT(*) AS STRING), ' rows')
      AS sample
  FROM ${box_scores}
  WHERE game_date BETWEEN ${start} AND ${yesterday}
  GROUP BY game_date, player_lookup, game_id
  HAVING COUNT(*) > 1
)
