-- One row for each player, but for one player in 20; one in 12 did not play.
INSERT INTO ${box_scores} (
  player_lookup, game_id, game_date, team_abbr, opponent_team_abbr, minutes_played, points, is_dnp)
SELECT
  CONCAT('player', CAST(player AS STRING)),
  CONCAT('20240115_AWY', CAST(MOD(player, 16) AS STRING), '_HOM', CAST(MOD(player, 16) AS STRING)),
  ${date},
  IF(MOD(player, 2) = 0, 'HOM', 'AWY'),
  IF(MOD(player, 2) = 0, 'AWY', 'HOM'),
  IF(MOD(player, 12) = 5, NULL, CAST(12 + MOD(player, 28) AS NUMERIC)),
  IF(MOD(player, 12) = 5, 0, MOD(player * 7, 41)),
  MOD(player, 12) = 5
FROM UNNEST(GENERATE_ARRAY(0, ${players} - 1)) AS player
WHERE MOD(player, 20) != 19
