-- A box score of each made-up player on every scratch date.
INSERT INTO ${box_scores} (
  player_lookup, game_id, game_date, team_abbr, opponent_team_abbr, minutes_played, points, is_dnp)
SELECT
  CONCAT('player', CAST(player AS STRING)),
  CONCAT(FORMAT_DATE('%Y%m%d', day), '_AWY_HOM'),
  day,
  'HOM',
  'AWY',
  CAST(20 + player AS NUMERIC),
  MOD(player * 11, 40),
  FALSE
FROM UNNEST(GENERATE_DATE_ARRAY(${first}, ${last})) AS day
CROSS JOIN UNNEST(GENERATE_ARRAY(1, 20)) AS player
