-- What there is to grade on a date, and why the rest is not: one row of counts. Bets, not predictions, are counted where
-- a box score is missing; `silent_…` names what has bets with a game to wait for, and not one that can be graded.
WITH counted AS (
  SELECT
    system_id,
    own_game,
    reason,
    absence,
    made_too_late,
    COUNT(*) AS predictions,
    COUNT(DISTINCT IF(
      reason IS NULL AND absence IS NOT NULL AND NOT made_too_late,
      CONCAT(player_lookup, '|', game, '|', ${bet_line}),
      NULL)) AS bets,
    MIN(game_id) AS game_id
  FROM (
    ${placed_predictions}
  )
  GROUP BY system_id, own_game, reason, absence, made_too_late
),
bets AS (
  SELECT system_id, own_game, game_id, absence, bets
  FROM counted
  WHERE reason IS NULL AND NOT made_too_late AND IFNULL(absence != 'listed_out', TRUE)
)
SELECT
  IFNULL(SUM(predictions), 0) AS predictions,
  IFNULL(SUM(IF(reason IS NULL, predictions, 0)), 0) AS counting,
  IFNULL(SUM(IF(reason = 'inactive', predictions, 0)), 0) AS inactive,
  IFNULL(SUM(IF(reason = 'invalidated', predictions, 0)), 0) AS invalidated,
  IFNULL(SUM(IF(reason = 'line_source', predictions, 0)), 0) AS line_source,
  IFNULL(SUM(IF(reason = 'no_line', predictions, 0)), 0) AS no_line,
  IFNULL(SUM(IF(reason = 'placeholder_line', predictions, 0)), 0) AS placeholder_line,
  IFNULL(SUM(IF(reason IS NULL AND made_too_late, predictions, 0)), 0) AS made_after_game,
  IFNULL(SUM(IF(absence = 'no_box_score_for_game', bets, 0)), 0) AS no_box_score_for_game,
  IFNULL(SUM(IF(absence = 'no_box_score_for_player', bets, 0)), 0) AS no_box_score_for_player,
  IFNULL(SUM(IF(absence = 'game_id_differs', bets, 0)), 0) AS game_id_differs,
  IFNULL(SUM(IF(absence = 'game_not_played', bets, 0)), 0) AS game_not_played,
  IFNULL(SUM(IF(absence = 'listed_out', bets, 0)), 0) AS listed_out,
  (
    SELECT STRING_AGG(system_id, ', ' ORDER BY system_id LIMIT 20)
    FROM (SELECT system_id FROM bets GROUP BY system_id HAVING COUNTIF(absence IS NULL) = 0)
  ) AS silent_systems,
  (
    SELECT STRING_AGG(game_id, ', ' ORDER BY game_id LIMIT 20)
    FROM (SELECT MIN(game_id) AS game_id FROM bets GROUP BY own_game HAVING COUNTIF(absence IS NULL) = 0)
  ) AS silent_games
FROM counted
