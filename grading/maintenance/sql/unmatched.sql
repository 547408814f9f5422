-- Players with predictions that wait for a box score, and players with a box score that no prediction names: the two
-- sides of a name that is spelt in two ways.
WITH box_scores AS (
  ${counted_box_scores}
),
placed AS (
  ${placed_predictions}
)
SELECT game_date, 'prediction' AS side, player_lookup, MIN(game_id) AS game_id, MIN(own_game) AS game
FROM placed
WHERE reason IS NULL AND absence = 'no_box_score_for_player'
GROUP BY game_date, player_lookup
UNION ALL
SELECT game_date, 'box_score' AS side, player_lookup, MIN(box_score_game_id) AS game_id, MIN(game) AS game
FROM box_scores
LEFT JOIN (
  SELECT game_date, player_lookup, TRUE AS is_predicted
  FROM placed
  GROUP BY game_date, player_lookup
) USING (game_date, player_lookup)
WHERE is_predicted IS NULL
GROUP BY game_date, player_lookup
ORDER BY game_date, side, player_lookup
