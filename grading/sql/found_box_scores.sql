-- The rule that says which game a prediction is of, in one place: each player and game id of the predictions, beside
-- the box score that counts for it. Its own game first, else the player's only game of the date, unless both ids name
-- teams and these differ. `box_scores` are the counted ones. `own_game` is what the prediction's id says, `game` what was
-- found, `games_of_player` how many games the player has on the date; NULL if none.
SELECT
  asked.game_date AS for_date,
  asked.player_lookup AS for_player,
  asked.game_id AS for_game_id,
  asked.own_game,
  asked.games_of_player,
  IFNULL(b.game, asked.own_game) AS game,
  b.box_score_game_id,
  IFNULL(b.box_score_game_id = asked.game_id, FALSE) AS own_id,
  b.team_abbr,
  b.opponent_team_abbr,
  b.points,
  b.minutes_played,
  b.did_not_play,
  b.box_scores_differ
FROM (
  SELECT
    ids.*,
    of_player.games AS games_of_player,
    IF(of_player.games = 1 AND (of_player.teams IS NULL OR ids.teams IS NULL), of_player.game, ids.own_game)
      AS game_to_find
  FROM (
    SELECT *, IFNULL(teams, game_id) AS own_game
    FROM (
      SELECT
        *,
        ${teams_named} AS teams
      FROM (
        SELECT DISTINCT game_date, player_lookup, game_id
        FROM ${predictions}
        WHERE game_date ${days}
      )
    )
  ) AS ids
  LEFT JOIN (
    SELECT game_date, player_lookup, COUNT(*) AS games, MIN(game) AS game, MIN(teams) AS teams
    FROM box_scores
    GROUP BY game_date, player_lookup
  ) AS of_player ON of_player.game_date = ids.game_date AND of_player.player_lookup = ids.player_lookup
) AS asked
LEFT JOIN box_scores AS b
  ON b.game_date = asked.game_date AND b.player_lookup = asked.player_lookup AND b.game = asked.game_to_find
