-- A date's predictions, made in the warehouse: six systems, players with some ninety lines each. About nine in ten are
-- graded; the others are superseded, inactive, invalidated, placeholders, or of a player without a box score.
INSERT INTO ${predictions} (
  prediction_id, system_id, player_lookup, game_id, game_date, predicted_points, confidence_score, recommendation,
  current_points_line, pace_adjustment, similar_games_count, model_version, has_prop_line, line_source,
  estimated_line_value, is_actionable, filter_reason, injury_status_at_prediction, injury_flag_at_prediction,
  is_active, invalidation_reason, created_at)
WITH numbered AS (
  SELECT
    number,
    MOD(number, 6) AS system,
    MOD(DIV(number, 6), ${players}) AS player,
    DIV(number, ${predictions_a_step}) AS step,
    -- A fixed, even scatter of 0 to 999: no two runs of the benchmark differ.
    MOD(number * 7919, 1000) AS scatter
  FROM UNNEST(GENERATE_ARRAY(0, ${rows} - 1)) AS number
)
SELECT
  CONCAT('p', CAST(number AS STRING)),
  CONCAT('system_v', CAST(system AS STRING)),
  CONCAT('player', CAST(player AS STRING)),
  CONCAT('20240115_AWY', CAST(MOD(player, 16) AS STRING), '_HOM', CAST(MOD(player, 16) AS STRING)),
  ${date},
  CAST(5 + scatter * 0.03 AS NUMERIC),
  CAST(IF(system = 2, 30 + MOD(scatter, 70), 0.3 + MOD(scatter, 70) * 0.01) AS NUMERIC),
  CASE WHEN scatter < 420 THEN 'OVER' WHEN scatter < 840 THEN 'UNDER' WHEN scatter < 950 THEN 'PASS' ELSE 'HOLD' END,
  -- Every 20th repeats the line of the one before it, and so supersedes it; one line in 500 is a placeholder.
  CASE
    WHEN step = 0 AND system = 0 THEN NULL
    WHEN scatter IN (500, 501) THEN 20
    ELSE CAST(1.5 + (step - IF(MOD(step, 20) = 19, 1, 0)) * 0.5 AS NUMERIC)
  END,
  CAST(MOD(scatter, 30) * 0.1 AS NUMERIC),
  MOD(scatter, 40),
  'model_v1',
  NOT (step = 0 AND system = 0),
  CASE
    WHEN step = 0 AND system = 0 THEN 'NO_PROP_LINE'
    WHEN scatter < 600 THEN 'ACTUAL_PROP'
    WHEN scatter < 800 THEN 'ODDS_API'
    ELSE 'BETTINGPROS'
  END,
  NULL,
  scatter < 700,
  IF(scatter < 700, NULL, 'low_confidence'),
  IF(scatter < 20, 'QUESTIONABLE', NULL),
  IF(scatter < 20, TRUE, NULL),
  scatter != 700,
  IF(scatter = 701, 'line moved', NULL),
  TIMESTAMP_ADD(TIMESTAMP '2024-01-15 12:00:00+00:00', INTERVAL number MILLISECOND)
FROM numbered
