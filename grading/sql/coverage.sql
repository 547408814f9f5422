-- What there is to grade on each date, and why the rest is not: how many by cause, as `cause count` pairs in one text.
-- Bets, not predictions, are counted where a box score is missing; `silent_…` names what has bets to grade and not one
-- grade.
WITH box_scores AS (
  ${counted_box_scores}
),
counted AS (
  SELECT
    game_date,
    system_id,
    own_game,
    cause,
    SUM(copies) AS predictions,
    COUNT(bet) AS bets,
    MIN(game_id) AS game_id
  FROM (
    SELECT
      game_date,
      system_id,
      own_game,
      IFNULL(reason, IF(made_too_late, 'made_after_game', IFNULL(absence, 'gradable'))) AS cause,
      IF(absence IS NULL, NULL, CONCAT(player_lookup, '|', ${bet_line})) AS bet,
      COUNT(*) AS copies,
      MIN(game_id) AS game_id
    FROM (
      ${placed_predictions}
    )
    GROUP BY game_date, system_id, own_game, cause, bet
  )
  GROUP BY game_date, system_id, own_game, cause
),
waiting AS (
  SELECT game_date, system_id, own_game, game_id, cause
  FROM counted
  WHERE cause IN ('gradable', 'no_box_score_for_game', 'no_box_score_for_player', 'game_id_differs', 'game_not_played')
),
silent_systems AS (
  SELECT game_date, STRING_AGG(system_id, ', ' ORDER BY system_id LIMIT 20) AS silent_systems
  FROM (SELECT game_date, system_id FROM waiting GROUP BY game_date, system_id HAVING COUNTIF(cause = 'gradable') = 0)
  GROUP BY game_date
),
silent_games AS (
  SELECT game_date, STRING_AGG(game_id, ', ' ORDER BY game_id LIMIT 20) AS silent_games
  FROM (
    SELECT game_date, MIN(game_id) AS game_id
    FROM waiting
    GROUP BY game_date, own_game
    HAVING COUNTIF(cause = 'gradable') = 0
  )
  GROUP BY game_date
)
SELECT
  causes.game_date AS covered_date,
  causes.causes,
  silent_systems.silent_systems,
  silent_games.silent_games
FROM (
  SELECT
    game_date,
    STRING_AGG(CONCAT(cause, ' ', CAST(predictions AS STRING), ' ', CAST(bets AS STRING)), ',') AS causes
  FROM (
    SELECT game_date, cause, SUM(predictions) AS predictions, SUM(bets) AS bets
    FROM counted
    GROUP BY game_date, cause
  )
  GROUP BY game_date
) AS causes
LEFT JOIN silent_systems ON silent_systems.game_date = causes.game_date
LEFT JOIN silent_games ON silent_games.game_date = causes.game_date
