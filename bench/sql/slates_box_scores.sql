-- A box score of each made-up player of every date.
INSERT INTO ${box_scores} (
  player_lookup, game_id, game_date, team_abbr, opponent_team_abbr, minutes_played, points, is_dnp)
SELECT
  CONCAT('player', CAST(MOD(player * 7 + UNIX_DATE(day) * 13, 400) AS STRING)),
  CONCAT(FORMAT_DATE('%Y%m%d', day), '_AW', CAST(MOD(player, 10) AS STRING), '_HO', CAST(MOD(player, 10) AS STRING)),
  day,
  CONCAT(IF(MOD(player, 2) = 0, 'HO', 'AW'), CAST(MOD(player, 10) AS STRING)),
  CONCAT(IF(MOD(player, 2) = 0, 'AW', 'HO'), CAST(MOD(player, 10) AS STRING)),
  CAST(20 + MOD(player, 20) AS NUMERIC),
  MOD(player * 11 + UNIX_DATE(day), 40),
  MOD(player + UNIX_DATE(day), 25) = 0
FROM UNNEST(GENERATE_DATE_ARRAY(${first}, ${last})) AS day
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 50)) AS player
