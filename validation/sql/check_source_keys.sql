-- Predictions of the window that are there more than once. A revised prediction differs, and is none.
SELECT
  COUNT(*) AS duplicate_source_keys,
  STRING_AGG(sample, '; ' ORDER BY sample LIMIT 5) AS duplicate_source_keys_samples
FROM (
  SELECT
    CONCAT(
      CAST(game_date AS STRING), ' ', player_lookup, ' ', system_id, ' ',
      IFNULL(CAST(current_points_line AS STRING), 'NULL'), ': ', CAST(COUNT(*) AS STRING), ' rows'
    ) AS sample
  FROM (
    SELECT ${comparable_content}
    FROM ${predictions}
    WHERE game_date BETWEEN ${start} AND ${yesterday} AND ${gradable}
  )
  GROUP BY ${prediction_content}
  HAVING COUNT(*) > 1
)
