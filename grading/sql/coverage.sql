-- What there is to grade, and why the rest is not graded. Each prediction counts under exactly one reason.
-- Of the predictions of one business key that could be graded all but one are superseded.
WITH predictions AS (
  SELECT
    player_lookup,
    game_id,
    system_id,
    current_points_line,
    CASE
      WHEN is_active IS NOT TRUE THEN 'inactive'
      WHEN invalidation_reason IS NOT NULL THEN 'invalidated'
      WHEN IFNULL(line_source, '') NOT IN ('ACTUAL_PROP', 'ODDS_API', 'BETTINGPROS', 'NO_PROP_LINE') THEN 'line_source'
      WHEN line_source != 'NO_PROP_LINE' AND current_points_line IS NULL THEN 'no_line'
      WHEN line_source != 'NO_PROP_LINE' AND current_points_line = 20 THEN 'placeholder_line'
    END AS reason
  FROM ${predictions}
  WHERE game_date = ${date}
),
keys AS (
  SELECT player_lookup, game_id, system_id, current_points_line, reason, COUNT(*) AS copies
  FROM predictions
  GROUP BY player_lookup, game_id, system_id, current_points_line, reason
),
box_scores AS (
  SELECT DISTINCT player_lookup, game_id
  FROM ${box_scores}
  WHERE game_date = ${date}
),
games AS (
  SELECT DISTINCT game_id FROM box_scores
)
SELECT
  IFNULL(SUM(k.copies), 0) AS predictions,
  COUNTIF(k.reason IS NULL) AS gradable,
  COUNTIF(k.reason IS NULL AND b.player_lookup IS NOT NULL) AS with_box_score,
  COUNTIF(k.reason IS NULL AND b.player_lookup IS NULL AND g.game_id IS NULL) AS no_box_score_for_game,
  COUNTIF(k.reason IS NULL AND b.player_lookup IS NULL AND g.game_id IS NOT NULL) AS no_box_score_for_player,
  IFNULL(SUM(IF(k.reason = 'inactive', k.copies, 0)), 0) AS inactive,
  IFNULL(SUM(IF(k.reason = 'invalidated', k.copies, 0)), 0) AS invalidated,
  IFNULL(SUM(IF(k.reason = 'line_source', k.copies, 0)), 0) AS line_source,
  IFNULL(SUM(IF(k.reason = 'no_line', k.copies, 0)), 0) AS no_line,
  IFNULL(SUM(IF(k.reason = 'placeholder_line', k.copies, 0)), 0) AS placeholder_line,
  IFNULL(SUM(IF(k.reason IS NULL, k.copies - 1, 0)), 0) AS superseded
FROM keys AS k
LEFT JOIN box_scores AS b USING (player_lookup, game_id)
LEFT JOIN games AS g USING (game_id)
