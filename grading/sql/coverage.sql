-- What there is to grade on a date, and why the rest is not: how many by cause, as `cause count` pairs in one text. Bets,
-- not predictions, are counted where a box score is missing; `silent_…` names what has bets to grade and not one grade.
WITH box_scores AS (
  ${counted_box_scores}
),
counted AS (
  SELECT system_id, own_game, cause, SUM(copies) AS predictions, COUNT(bet) AS bets, MIN(game_id) AS game_id
  FROM (
    SELECT
      system_id,
      own_game,
      IFNULL(reason, IF(made_too_late, 'made_after_game', IFNULL(absence, 'gradable'))) AS cause,
      IF(absence IS NULL, NULL, CONCAT(player_lookup, '|', ${bet_line})) AS bet,
      COUNT(*) AS copies,
      MIN(game_id) AS game_id
    FROM (
      ${placed_predictions}
    )
    GROUP BY system_id, own_game, cause, bet
  )
  GROUP BY system_id, own_game, cause
),
waiting AS (
  SELECT system_id, own_game, game_id, cause
  FROM counted
  WHERE cause IN ('gradable', 'no_box_score_for_game', 'no_box_score_for_player', 'game_id_differs', 'game_not_played')
)
SELECT
  (
    SELECT STRING_AGG(CONCAT(cause, ' ', CAST(predictions AS STRING), ' ', CAST(bets AS STRING)), ',')
    FROM (SELECT cause, SUM(predictions) AS predictions, SUM(bets) AS bets FROM counted GROUP BY cause)
  ) AS causes,
  (
    SELECT STRING_AGG(system_id, ', ' ORDER BY system_id)
    FROM (SELECT system_id FROM waiting GROUP BY system_id HAVING COUNTIF(cause = 'gradable') = 0 LIMIT 20)
  ) AS silent_systems,
  (
    SELECT STRING_AGG(game_id, ', ' ORDER BY game_id)
    FROM (SELECT MIN(game_id) AS game_id FROM waiting GROUP BY own_game HAVING COUNTIF(cause = 'gradable') = 0 LIMIT 20)
  ) AS silent_games
