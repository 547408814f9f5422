-- What there is to grade on each date, and why the rest is not: how many by cause, as `cause count` pairs in one text.
-- Bets, not predictions, are counted where a box score is missing; `silent_…` names what has bets to grade and not one
-- grade.
WITH box_scores AS (
  ${counted_box_scores}
)
SELECT
  game_date AS covered_date,
  STRING_AGG(
    IF(of_cause, CONCAT(cause, ' ', CAST(predictions AS STRING), ' ', CAST(bets AS STRING)), NULL), ',') AS causes,
  STRING_AGG(IF(of_system AND is_silent, system_id, NULL), ', ' ORDER BY system_id LIMIT 20) AS silent_systems,
  STRING_AGG(IF(of_game AND is_silent, game_id, NULL), ', ' ORDER BY game_id LIMIT 20) AS silent_games
FROM (
  -- By cause, by system and by game in one reading: BigQuery computes a named subquery as often as it is named.
  SELECT
    game_date,
    cause,
    system_id,
    GROUPING(cause) = 0 AS of_cause,
    GROUPING(system_id) = 0 AS of_system,
    GROUPING(own_game) = 0 AS of_game,
    SUM(copies) AS predictions,
    COUNT(bet_player) AS bets,
    MIN(IF(is_waiting, game_id, NULL)) AS game_id,
    LOGICAL_OR(is_waiting) AND NOT LOGICAL_OR(cause = 'gradable') AS is_silent
  FROM (
    SELECT
      *,
      cause IN (${waiting}) AS is_waiting
    FROM (
      SELECT
        game_date,
        system_id,
        own_game,
        IFNULL(reason, IF(made_too_late, 'made_after_game', IFNULL(absence, 'gradable'))) AS cause,
        IF(absence IS NULL, NULL, player_lookup) AS bet_player,
        IF(absence IS NULL, NULL, ${bet_line}) AS bet_line,
        COUNT(*) AS copies,
        MIN(game_id) AS game_id
      FROM (
        ${placed_predictions}
      )
      GROUP BY game_date, system_id, own_game, cause, bet_player, bet_line
    )
  )
  GROUP BY GROUPING SETS ((game_date, cause), (game_date, system_id), (game_date, own_game))
)
GROUP BY game_date
