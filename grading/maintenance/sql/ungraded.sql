-- Every prediction of a range of dates, by what became of it: graded, or the one cause why not.
-- Of the predictions of one bet that could be graded all but one are superseded.
WITH box_scores AS (
  ${counted_box_scores}
),
placed AS (
  ${placed_predictions}
),
games AS (
  SELECT game_date, player_lookup, game_id, ANY_VALUE(game) AS game
  FROM placed
  GROUP BY game_date, player_lookup, game_id
),
bets AS (
  SELECT ${bet}, MAX(absence) AS absence, SUM(copies) AS copies, SUM(grades) AS grades
  FROM (
    SELECT game_date, player_lookup, game, system_id, line_value, absence, 1 AS copies, 0 AS grades
    FROM placed
    WHERE reason IS NULL AND NOT made_too_late
    UNION ALL
    SELECT game_date, player_lookup, IFNULL(games.game, game_id), system_id, line_value, NULL, 0 AS copies, 1 AS grades
    FROM ${accuracy}
    LEFT JOIN games USING (game_date, player_lookup, game_id)
    WHERE game_date BETWEEN ${first} AND ${last}
  )
  GROUP BY ${bet}
),
last_runs AS (
  SELECT game_date, run_id, status, detail
  FROM ${runs}
  WHERE game_date BETWEEN ${first} AND ${last}
    AND processor = 'prediction_accuracy'
    AND status NOT IN ('repaired', 'staging_dropped', 'superseded')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY game_date ORDER BY started_at DESC, run_id) = 1
),
causes AS (
  SELECT game_date, IFNULL(reason, 'made_after_game') AS cause, COUNT(*) AS predictions
  FROM placed
  WHERE reason IS NOT NULL OR made_too_late
  GROUP BY game_date, cause
  UNION ALL
  SELECT game_date, 'superseded' AS cause, SUM(copies - 1) AS predictions
  FROM bets
  WHERE copies > 1
  GROUP BY game_date
  UNION ALL
  SELECT
    b.game_date,
    CASE
      WHEN b.grades > 0 THEN 'graded'
      WHEN b.absence IS NOT NULL THEN b.absence
      WHEN r.status IN ('failed', 'shrunk') THEN 'run_failed'
      ELSE 'not_yet_run'
    END AS cause,
    COUNT(*) AS predictions
  FROM bets AS b
  LEFT JOIN last_runs AS r ON r.game_date = b.game_date
  WHERE b.copies > 0
  GROUP BY b.game_date, cause
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
