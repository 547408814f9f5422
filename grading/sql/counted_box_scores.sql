-- The rule that says which box score counts, in one place: one row a player and game of the dates. `box_scores_differ`
-- says that another row of the game says something else.
SELECT *, MIN(says) OVER one_game != MAX(says) OVER one_game AS box_scores_differ
FROM (
  SELECT
    *,
    IFNULL(teams, box_score_game_id) AS game,
    CONCAT(
      IFNULL(CAST(points AS STRING), ''), '|', IFNULL(CAST(minutes_played AS STRING), ''), '|',
      IF(did_not_play, '', 'played'), '|', IFNULL(team_abbr, ''), '|', IFNULL(opponent_team_abbr, '')) AS says
  FROM (
    SELECT
      game_date,
      player_lookup,
      game_id AS box_score_game_id,
      ${teams_named} AS teams,
      team_abbr,
      opponent_team_abbr,
      points,
      minutes_played,
      IFNULL(is_dnp, FALSE) OR points IS NULL OR (points = 0 AND IFNULL(minutes_played, 0) = 0) AS did_not_play,
      ${processed_at} AS processed_at
    FROM ${box_scores}
    WHERE game_date ${days}
      AND ${box_score_is_final}
  )
)
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (
  one_game
  ORDER BY
    processed_at DESC, did_not_play, minutes_played DESC, points DESC, team_abbr, opponent_team_abbr,
    box_score_game_id
) = 1
WINDOW one_game AS (PARTITION BY game_date, player_lookup, game)
