-- Made-up predictions of every date: 50 players in 10 games, each with 6 systems, and 6 lines or so: 1,769 a date.
INSERT INTO ${predictions} (
  prediction_id, system_id, player_lookup, game_id, game_date, predicted_points, confidence_score, recommendation,
  current_points_line, has_prop_line, line_source, is_actionable, is_active, created_at)
SELECT
  CONCAT(CAST(day AS STRING), '-', CAST(player AS STRING), '-', CAST(system AS STRING), '-', CAST(line AS STRING)),
  CONCAT('system_v', CAST(system AS STRING)),
  CONCAT('player', CAST(MOD(player * 7 + UNIX_DATE(day) * 13, 400) AS STRING)),
  CONCAT(FORMAT_DATE('%Y%m%d', day), '_AW', CAST(MOD(player, 10) AS STRING), '_HO', CAST(MOD(player, 10) AS STRING)),
  day,
  CAST(5 + MOD(player * 7 + system, 30) AS NUMERIC),
  CAST(50 + MOD(player * 3 + line, 50) AS NUMERIC) / 100,
  IF(MOD(player + system + line, 2) = 0, 'OVER', 'UNDER'),
  CAST(5 + line AS NUMERIC) + NUMERIC '0.5',
  TRUE,
  'ACTUAL_PROP',
  TRUE,
  TRUE,
  TIMESTAMP '2024-01-01 12:00:00+00:00'
FROM UNNEST(GENERATE_DATE_ARRAY(${first}, ${last})) AS day
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 50)) AS player
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 6)) AS system
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 6)) AS line
WHERE MOD(player * 31 + system * 17 + line * 7, 60) != 0
