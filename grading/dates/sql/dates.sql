-- What each date of a range has: predictions, box scores for them, grades, and how far the grades are behind.
WITH predictions AS (
  SELECT
    game_date,
    player_lookup,
    game_id,
    system_id,
    current_points_line,
    ${why_not_graded} AS reason
  FROM ${predictions}
  WHERE game_date BETWEEN ${first} AND ${last}
),
keys AS (
  SELECT game_date, player_lookup, game_id, system_id, current_points_line
  FROM predictions
  WHERE reason IS NULL
  GROUP BY game_date, player_lookup, game_id, system_id, current_points_line
),
box_scores AS (
  SELECT
    game_date,
    player_lookup,
    game_id,
    points,
    minutes_played,
    IFNULL(is_dnp, FALSE) OR points IS NULL OR (points = 0 AND IFNULL(minutes_played, 0) = 0) AS did_not_play
  FROM ${box_scores}
  WHERE game_date BETWEEN ${first} AND ${last}
),
grades AS (
  SELECT game_date, player_lookup, game_id, system_id, line_value, actual_points, minutes_played, is_voided
  FROM ${accuracy}
  WHERE game_date BETWEEN ${first} AND ${last}
),
compared AS (
  SELECT
    k.game_date,
    g.game_date IS NULL AS missing,
    g.game_date IS NOT NULL AND (
      g.actual_points IS DISTINCT FROM b.points
      OR g.minutes_played IS DISTINCT FROM CAST(b.minutes_played AS ${minutes_type})
      OR g.is_voided IS DISTINCT FROM b.did_not_play
    ) AS outdated
  FROM keys AS k
  JOIN box_scores AS b
    ON b.game_date = k.game_date AND b.player_lookup = k.player_lookup AND b.game_id = k.game_id
  LEFT JOIN grades AS g
    ON g.game_date = k.game_date
    AND g.player_lookup = k.player_lookup
    AND g.game_id = k.game_id
    AND g.system_id = k.system_id
    AND g.line_value IS NOT DISTINCT FROM k.current_points_line
),
counted AS (
  SELECT game_date, COUNT(*) AS predictions, 0 AS with_box_score, 0 AS missing, 0 AS outdated, 0 AS grades
  FROM predictions
  GROUP BY game_date
  UNION ALL
  SELECT game_date, 0, COUNT(*), COUNTIF(missing), COUNTIF(outdated), 0
  FROM compared
  GROUP BY game_date
  UNION ALL
  SELECT game_date, 0, 0, 0, 0, COUNT(*)
  FROM grades
  GROUP BY game_date
)
SELECT
  game_date,
  SUM(predictions) AS predictions,
  SUM(with_box_score) AS with_box_score,
  SUM(missing) AS missing,
  SUM(outdated) AS outdated,
  SUM(grades) AS grades
FROM counted
GROUP BY game_date
ORDER BY game_date
