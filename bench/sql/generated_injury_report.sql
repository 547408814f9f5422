-- A report of every player who did not play and of some who did, two versions each.
INSERT INTO ${injury_report} (player_lookup, game_id, game_date, injury_status, reason, report_date, report_hour)
SELECT
  CONCAT('player', CAST(player AS STRING)),
  CONCAT('20240115_AWY', CAST(MOD(player, 16) AS STRING), '_HOM', CAST(MOD(player, 16) AS STRING)),
  ${date},
  CASE MOD(player, 4) WHEN 0 THEN 'Out' WHEN 1 THEN 'Questionable' WHEN 2 THEN 'Doubtful' ELSE 'Available' END,
  'injury',
  ${date},
  hour
FROM UNNEST(GENERATE_ARRAY(0, ${players} - 1)) AS player
CROSS JOIN UNNEST([10, 17]) AS hour
WHERE MOD(player, 12) = 5 OR MOD(player, 15) = 3
