-- Of the predictions that could be graded, the share that is.
SELECT
  SAFE_DIVIDE(
    SUM(IF(cause = 'graded', predictions, 0)),
    SUM(IF(cause IN ('graded', 'not_yet_run', 'run_failed'), predictions, 0))
  ) AS grading_completeness,
  STRING_AGG(
    IF(
      cause IN ('not_yet_run', 'run_failed'),
      CONCAT(CAST(game_date AS STRING), ': ', CAST(predictions AS STRING), ' ', cause),
      NULL
    ),
    '; ' ORDER BY game_date LIMIT 10
  ) AS grading_completeness_samples
FROM (
  ${ungraded}
)
