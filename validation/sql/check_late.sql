-- Dates before those that the catch-up looks at whose grades are not what their box scores give now.
SELECT
  COUNTIF(missing + outdated > 0) AS late_box_scores,
  STRING_AGG(
    IF(
      missing + outdated > 0,
      CONCAT(
        CAST(game_date AS STRING), ': ', CAST(missing AS STRING), ' without a grade, ', CAST(outdated AS STRING),
        ' of an older box score: python -m grading grade --date ', CAST(game_date AS STRING)),
      NULL),
    '; ' ORDER BY game_date LIMIT 10) AS late_box_scores_samples
FROM (
  ${late_dates}
)
