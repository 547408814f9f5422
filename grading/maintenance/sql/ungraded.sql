-- Every prediction of a range of dates, by what became of it: graded, or the one cause why not.
-- Of the predictions of one business key that could be graded all but one are superseded.
WITH predictions AS (
  SELECT
    game_date,
    player_lookup,
    game_id,
    system_id,
    current_points_line AS line_value,
    ${why_not_graded} AS reason
  FROM ${predictions}
  WHERE game_date BETWEEN ${start} AND ${end}
),
gradable AS (
  SELECT
    game_date, player_lookup, game_id, system_id, line_value,
    SUM(copies) AS copies,
    SUM(grades) AS grades
  FROM (
    SELECT game_date, player_lookup, game_id, system_id, line_value, 1 AS copies, 0 AS grades
    FROM predictions
    WHERE reason IS NULL
    UNION ALL
    SELECT game_date, player_lookup, game_id, system_id, line_value, 0 AS copies, 1 AS grades
    FROM ${accuracy}
    WHERE game_date BETWEEN ${start} AND ${end}
  )
  GROUP BY game_date, player_lookup, game_id, system_id, line_value
),
box_scores AS (
  SELECT DISTINCT game_date, player_lookup, game_id
  FROM ${box_scores}
  WHERE game_date BETWEEN ${start} AND ${end}
),
games AS (
  SELECT DISTINCT game_date, game_id FROM box_scores
),
last_runs AS (
  SELECT game_date, run_id, status, detail
  FROM ${runs}
  WHERE game_date BETWEEN ${start} AND ${end}
    AND processor = 'prediction_accuracy'
    AND status NOT IN ('repaired', 'staging_dropped', 'superseded')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY game_date ORDER BY started_at DESC, run_id) = 1
),
causes AS (
  SELECT game_date, reason AS cause, COUNT(*) AS predictions
  FROM predictions
  WHERE reason IS NOT NULL
  GROUP BY game_date, reason
  UNION ALL
  SELECT game_date, 'superseded' AS cause, SUM(copies - 1) AS predictions
  FROM gradable
  WHERE copies > 1
  GROUP BY game_date
  UNION ALL
  SELECT
    k.game_date,
    CASE
      WHEN k.grades > 0 THEN 'graded'
      WHEN g.game_id IS NULL THEN 'no_box_score_for_game'
      WHEN b.player_lookup IS NULL THEN 'no_box_score_for_player'
      WHEN r.status IN ('failed', 'shrunk') THEN 'run_failed'
      ELSE 'not_yet_run'
    END AS cause,
    COUNT(*) AS predictions
  FROM gradable AS k
  LEFT JOIN games AS g ON g.game_date = k.game_date AND g.game_id = k.game_id
  LEFT JOIN box_scores AS b
    ON b.game_date = k.game_date AND b.game_id = k.game_id AND b.player_lookup = k.player_lookup
  LEFT JOIN last_runs AS r ON r.game_date = k.game_date
  WHERE k.copies > 0
  GROUP BY k.game_date, cause
)
SELECT
  causes.game_date,
  causes.cause,
  causes.predictions,
  last_runs.run_id,
  last_runs.status,
  last_runs.detail
FROM causes
LEFT JOIN last_runs ON last_runs.game_date = causes.game_date
ORDER BY causes.game_date, causes.cause
