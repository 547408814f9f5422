-- What grading makes of the predictions of some dates: one row a bet, with the box score that it is graded by.
SELECT
  p.game_date,
  p.player_lookup,
  p.game_id,
  p.system_id,
  p.line_value,
  f.box_score_game_id,
  f.points,
  f.minutes_played,
  f.did_not_play
FROM (
  SELECT
    game_date,
    player_lookup,
    game_id,
    system_id,
    current_points_line AS line_value,
    created_at,
    prediction_id,
    ${made_after} AS made_after,
    CAST(NULL AS STRING) AS reason
  FROM ${predictions}
  WHERE game_date ${days}
    AND (
      ${why_not_graded}
    ) IS NULL
) AS p
JOIN (
  ${found_box_scores}
) AS f ON f.for_date = p.game_date AND f.for_player = p.player_lookup AND f.for_game_id = p.game_id
WHERE f.box_score_game_id IS NOT NULL
QUALIFY ${is_kept}
