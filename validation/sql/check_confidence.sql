-- Grades of the window whose confidence no correct run can have written.
SELECT
  COUNT(*) AS confidence_above_one,
  STRING_AGG(sample, '; ' ORDER BY sample LIMIT 5) AS confidence_above_one_samples
FROM (
  SELECT
    CONCAT(
      CAST(game_date AS STRING), ' ', player_lookup, ' ', system_id, ': confidence ', CAST(confidence_score AS STRING)
    ) AS sample
  FROM ${accuracy}
  WHERE game_date BETWEEN ${start} AND ${yesterday} AND NOT confidence_score BETWEEN 0 AND 1
)
