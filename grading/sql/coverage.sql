-- What there is to grade, and why the rest is not graded: each prediction counts under exactly one reason. Of the
-- predictions of one business key that could be graded, all but one are superseded.
WITH keys AS (
  SELECT
    player_lookup,
    game_id,
    ${why_not_graded} AS reason,
    COUNT(*) AS copies
  FROM ${predictions}
  WHERE game_date = ${date}
  GROUP BY player_lookup, game_id, system_id, current_points_line, reason
),
box_scores AS (
  SELECT DISTINCT player_lookup, game_id
  FROM ${box_scores}
  WHERE game_date = ${date}
)
SELECT
  CASE
    WHEN k.reason IS NOT NULL THEN k.reason
    WHEN b.player_lookup IS NOT NULL THEN 'with_box_score'
    WHEN k.game_id IN (SELECT game_id FROM box_scores) THEN 'no_box_score_for_player'
    ELSE 'no_box_score_for_game'
  END AS reason,
  SUM(k.copies) AS predictions,
  COUNT(*) AS business_keys
FROM keys AS k
LEFT JOIN box_scores AS b USING (player_lookup, game_id)
GROUP BY 1
