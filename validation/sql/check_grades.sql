-- Grades of the window that no correct run can have written.
SELECT
  COUNTIF(confidence_score > 1) AS confidence_above_one,
  STRING_AGG(IF(confidence_score > 1, sample, NULL), '; ' ORDER BY sample LIMIT 5) AS confidence_above_one_samples,
  COUNTIF(line_value IN (${placeholder_lines}) AND line_source != 'NO_PROP_LINE') AS placeholder_lines_graded,
  STRING_AGG(IF(line_value IN (${placeholder_lines}) AND line_source != 'NO_PROP_LINE', sample, NULL), '; ' ORDER BY sample LIMIT 5)
    AS placeholder_lines_graded_samples
FROM (
  SELECT
    confidence_score,
    line_value,
    line_source,
    CONCAT(
      CAST(game_date AS STRING), ' ', player_lookup, ' ', system_id, ': confidence ',
      IFNULL(CAST(confidence_score AS STRING), 'NULL'), ', line ', IFNULL(CAST(line_value AS STRING), 'NULL')
    ) AS sample
  FROM ${accuracy}
  WHERE game_date BETWEEN ${start} AND ${yesterday}
    AND (confidence_score > 1 OR line_value IN (${placeholder_lines}))
)
