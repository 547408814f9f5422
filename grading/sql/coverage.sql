-- What there is to grade, and why the rest is not graded. Each prediction counts under exactly one reason.
WITH predictions AS (
  SELECT
    p.player_lookup,
    p.game_id,
    p.is_active IS NOT TRUE AS inactive,
    p.invalidation_reason IS NOT NULL AS invalidated,
    IFNULL(p.line_source, '') NOT IN ('ACTUAL_PROP', 'ODDS_API', 'BETTINGPROS', 'NO_PROP_LINE') AS other_source,
    IFNULL(p.line_source, '') != 'NO_PROP_LINE' AND p.current_points_line IS NULL AS no_line,
    IFNULL(p.line_source, '') != 'NO_PROP_LINE' AND p.current_points_line = 20 AS placeholder,
    p.system_id,
    p.current_points_line,
    p.created_at,
    p.prediction_id
  FROM ${predictions} AS p
  WHERE p.game_date = ${date}
),
reasoned AS (
  SELECT
    player_lookup,
    game_id,
    CASE
      WHEN inactive THEN 'inactive'
      WHEN invalidated THEN 'invalidated'
      WHEN other_source THEN 'line_source'
      WHEN no_line THEN 'no_line'
      WHEN IFNULL(placeholder, FALSE) THEN 'placeholder_line'
      WHEN ROW_NUMBER() OVER (
        PARTITION BY
          inactive OR invalidated OR other_source OR no_line OR IFNULL(placeholder, FALSE),
          player_lookup, game_id, system_id, current_points_line
        ORDER BY created_at DESC, prediction_id DESC
      ) > 1 THEN 'superseded'
    END AS reason
  FROM predictions
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
  COUNT(*) AS predictions,
  COUNTIF(r.reason IS NULL) AS gradable,
  COUNTIF(r.reason IS NULL AND b.player_lookup IS NOT NULL) AS with_box_score,
  COUNTIF(r.reason IS NULL AND b.player_lookup IS NULL AND g.game_id IS NULL) AS no_box_score_for_game,
  COUNTIF(r.reason IS NULL AND b.player_lookup IS NULL AND g.game_id IS NOT NULL) AS no_box_score_for_player,
  COUNTIF(r.reason = 'inactive') AS inactive,
  COUNTIF(r.reason = 'invalidated') AS invalidated,
  COUNTIF(r.reason = 'line_source') AS line_source,
  COUNTIF(r.reason = 'no_line') AS no_line,
  COUNTIF(r.reason = 'placeholder_line') AS placeholder_line,
  COUNTIF(r.reason = 'superseded') AS superseded
FROM reasoned AS r
LEFT JOIN box_scores AS b USING (player_lookup, game_id)
LEFT JOIN games AS g USING (game_id)
