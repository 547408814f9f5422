-- Grades of the window whose line is a placeholder.
SELECT
  COUNT(*) AS placeholder_lines_graded,
  STRING_AGG(sample, '; ' ORDER BY sample LIMIT 5) AS placeholder_lines_graded_samples
FROM (
  SELECT
    CONCAT(
      CAST(game_date AS STRING), ' ', player_lookup, ' ', system_id, ': line ', CAST(line_value AS STRING)
    ) AS sample
  FROM ${accuracy}
  WHERE game_date BETWEEN ${start} AND ${yesterday}
    AND line_value IN (${placeholder_lines})
    AND IFNULL(line_source, 'ACTUAL_PROP') != 'NO_PROP_LINE'
)
