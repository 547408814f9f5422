-- What each date of a range has: predictions, what grading would make of them, the grades, and how far these are behind.
WITH box_scores AS (
  ${counted_box_scores}
),
grading AS (
  ${kept_predictions}
),
keys AS (
  SELECT
    game_date,
    COUNTIF(is_kept) AS kept,
    COUNTIF(NOT is_kept) AS grades,
    -- Of a key with several grades each must be right.
    MAX(IF(is_kept, actual_points, NULL)) IS DISTINCT FROM MAX(IF(is_kept, NULL, actual_points))
      OR MIN(IF(is_kept, actual_points, NULL)) IS DISTINCT FROM MIN(IF(is_kept, NULL, actual_points))
      OR MAX(IF(is_kept, minutes_played, NULL)) IS DISTINCT FROM MAX(IF(is_kept, NULL, minutes_played))
      OR MIN(IF(is_kept, minutes_played, NULL)) IS DISTINCT FROM MIN(IF(is_kept, NULL, minutes_played))
      OR MAX(IF(is_kept, is_voided, NULL)) IS DISTINCT FROM MAX(IF(is_kept, NULL, is_voided))
      OR MIN(IF(is_kept, is_voided, NULL)) IS DISTINCT FROM MIN(IF(is_kept, NULL, is_voided))
      OR MAX(IF(is_kept, box_score_game_id, NULL)) IS DISTINCT FROM MAX(IF(is_kept, NULL, box_score_game_id))
      OR MIN(IF(is_kept, box_score_game_id, NULL)) IS DISTINCT FROM MIN(IF(is_kept, NULL, box_score_game_id))
      AS differs
  FROM (
    SELECT
      game_date, player_lookup, game_id, system_id, line_value, box_score_game_id, TRUE AS is_kept,
      points AS actual_points, ${kept_minutes} AS minutes_played, did_not_play AS is_voided
    FROM grading
    UNION ALL
    SELECT
      game_date, player_lookup, game_id, system_id, line_value, IFNULL(box_score_game_id, game_id), FALSE AS is_kept,
      actual_points, minutes_played, is_voided
    FROM ${accuracy}
    WHERE game_date BETWEEN ${first} AND ${last}
  )
  GROUP BY game_date, player_lookup, game_id, system_id, line_value
),
counted AS (
  SELECT
    game_date, COUNT(*) AS predictions, 0 AS with_box_score, 0 AS missing, 0 AS outdated, 0 AS grades, 0 AS graded_keys
  FROM ${predictions}
  WHERE game_date BETWEEN ${first} AND ${last}
  GROUP BY game_date
  UNION ALL
  SELECT
    game_date, 0, SUM(kept), COUNTIF(kept > 0 AND grades = 0), COUNTIF(kept > 0 AND grades > 0 AND differs),
    SUM(grades), COUNTIF(grades > 0)
  FROM keys
  GROUP BY game_date
)
SELECT
  game_date,
  SUM(predictions) AS predictions,
  SUM(with_box_score) AS with_box_score,
  SUM(missing) AS missing,
  SUM(outdated) AS outdated,
  SUM(grades) AS grades,
  SUM(graded_keys) AS graded_keys
FROM counted
GROUP BY game_date
ORDER BY game_date
