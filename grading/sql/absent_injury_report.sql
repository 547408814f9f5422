(SELECT
  CAST(NULL AS STRING) AS player_lookup,
  CAST(NULL AS STRING) AS game_id,
  CAST(NULL AS DATE) AS game_date,
  CAST(NULL AS STRING) AS injury_status,
  CAST(NULL AS DATE) AS report_date,
  CAST(NULL AS INT64) AS report_hour
FROM (SELECT 1)
WHERE FALSE)
