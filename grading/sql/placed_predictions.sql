-- Every prediction of some dates, and what keeps it from being graded: `reason` is its own, `absence` its box score's.
SELECT
  game_date,
  player_lookup,
  game_id,
  system_id,
  line_value,
  reason,
  own_game,
  game,
  IF(own_game IS NULL, 'no_box_score_for_player', absence) AS absence,
  ${made_after_game} AS made_too_late
FROM (
  SELECT
    game_date,
    player_lookup,
    game_id,
    system_id,
    current_points_line AS line_value,
    ${made_after} AS made_after,
    ${why_not_graded} AS reason
  FROM ${predictions}
  WHERE game_date ${days}
) AS p
LEFT JOIN (
  ${absent_box_scores}
) AS f ON f.for_date = p.game_date AND f.for_player = p.player_lookup AND f.for_game_id = p.game_id
