-- Made-up predictions of every scratch date: twenty players, six systems, one line each.
INSERT INTO ${predictions} (
  prediction_id, system_id, player_lookup, game_id, game_date, predicted_points, confidence_score, recommendation,
  current_points_line, has_prop_line, line_source, is_actionable, is_active, created_at)
SELECT
  CONCAT(CAST(day AS STRING), '-', CAST(player AS STRING), '-', CAST(system AS STRING)),
  CONCAT('system_v', CAST(system AS STRING)),
  CONCAT('player', CAST(player AS STRING)),
  CONCAT(FORMAT_DATE('%Y%m%d', day), '_AWY_HOM'),
  day,
  CAST(5 + MOD(player * 7, 30) AS NUMERIC),
  NUMERIC '0.6',
  IF(MOD(player + system, 2) = 0, 'OVER', 'UNDER'),
  CAST(MOD(player * 5, 30) AS NUMERIC) + NUMERIC '1.5',
  TRUE,
  'ACTUAL_PROP',
  TRUE,
  TRUE,
  TIMESTAMP '2024-01-01 12:00:00+00:00'
FROM UNNEST(GENERATE_DATE_ARRAY(${first}, ${last})) AS day
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 20)) AS player
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 6)) AS system
