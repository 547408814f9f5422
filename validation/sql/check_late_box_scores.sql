-- Dates that catch-up does not look at any more, and whose grades are not what their box scores give now.
SELECT
  COUNT(*) AS late_box_scores,
  STRING_AGG(
    CONCAT(
      CAST(game_date AS STRING), ': ', CAST(missing AS STRING), ' not graded, ', CAST(outdated AS STRING),
      ' graded by older box scores'
    ),
    '; ' ORDER BY game_date DESC LIMIT 20
  ) AS late_box_scores_samples,
  MIN(game_date) AS late_box_scores_start,
  MAX(game_date) AS late_box_scores_end
FROM (
  ${late_dates}
)
WHERE missing + outdated > 0
