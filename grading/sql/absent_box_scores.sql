-- The same, with the cause why there is no box score for a player and game id of the predictions; NULL if there is one.
SELECT
  found.for_date,
  found.for_player,
  found.for_game_id,
  found.own_game,
  found.game,
  CASE
    WHEN found.box_score_game_id IS NOT NULL THEN NULL
    WHEN found.games_of_player IS NOT NULL THEN 'game_id_differs'
    WHEN reports.is_listed_out THEN 'listed_out'
    WHEN played.game IS NOT NULL
      OR LOGICAL_OR(found.box_score_game_id IS NOT NULL) OVER (PARTITION BY found.for_date, found.own_game)
      THEN 'no_box_score_for_player'
    WHEN found.for_date < ${three_days_ago} THEN 'game_not_played'
    ELSE 'no_box_score_for_game'
  END AS absence
FROM (
  ${found_box_scores}
) AS found
LEFT JOIN (
  SELECT DISTINCT game_date, game FROM box_scores
) AS played ON played.game_date = found.for_date AND played.game = found.own_game
LEFT JOIN (
  ${newest_injury_reports}
) AS reports ON reports.game_date = found.for_date AND reports.player_lookup = found.for_player
