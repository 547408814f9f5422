-- Players with several box scores of one game; ids that name the same two teams are one game.
SELECT
  COUNT(*) AS duplicate_box_scores,
  STRING_AGG(sample, '; ' ORDER BY sample LIMIT 5) AS duplicate_box_scores_samples
FROM (
  SELECT
    CONCAT(CAST(game_date AS STRING), ' ', player_lookup, ' ', MIN(game_id), ': ', CAST(COUNT(*) AS STRING), ' rows')
      AS sample
  FROM (
    SELECT game_date, player_lookup, game_id, IFNULL(${teams_named}, game_id) AS game
    FROM ${box_scores}
    WHERE game_date BETWEEN ${start} AND ${yesterday}
  )
  GROUP BY game_date, player_lookup, game
  HAVING COUNT(*) > 1
)
