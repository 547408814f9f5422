-- What there is to grade on a date, and why the rest is not: one row of counts. A prediction that counts and has a box
-- score is graded; `waiting` are the business keys that count and have none.
WITH predictions AS (
  SELECT
    player_lookup,
    game_id,
    system_id,
    current_points_line,
    ${why_not_graded} AS reason
  FROM ${predictions}
  WHERE game_date = ${date}
),
box_scores AS (
  SELECT DISTINCT player_lookup, game_id
  FROM ${box_scores}
  WHERE game_date = ${date}
),
waiting AS (
  SELECT p.game_id IN (SELECT game_id FROM box_scores) AS game_has_scores
  FROM predictions AS p
  LEFT JOIN box_scores AS b USING (player_lookup, game_id)
  WHERE p.reason IS NULL AND b.player_lookup IS NULL
  GROUP BY p.player_lookup, p.game_id, p.system_id, p.current_points_line
)
SELECT
  COUNT(*) AS predictions,
  COUNTIF(reason IS NULL) AS counting,
  (SELECT COUNT(*) FROM waiting) AS waiting,
  (SELECT COUNTIF(game_has_scores) FROM waiting) AS waiting_for_player,
  COUNTIF(reason = 'inactive') AS inactive,
  COUNTIF(reason = 'invalidated') AS invalidated,
  COUNTIF(reason = 'line_source') AS line_source,
  COUNTIF(reason = 'no_line') AS no_line,
  COUNTIF(reason = 'placeholder_line') AS placeholder_line
FROM predictions
