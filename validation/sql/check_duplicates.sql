-- Business keys of the grading table with several rows: old damage, and what the last 7 days have added.
SELECT
  IFNULL(SUM(IF(is_recent, 0, copies - 1)), 0) AS duplicate_grades,
  STRING_AGG(IF(is_recent, NULL, sample), '; ' ORDER BY copies DESC, sample LIMIT 5) AS duplicate_grades_samples,
  COUNTIF(is_recent) AS recent_duplicate_keys,
  STRING_AGG(IF(is_recent, sample, NULL), '; ' ORDER BY copies DESC, sample LIMIT 5) AS recent_duplicate_keys_samples
FROM (
  SELECT
    game_date >= ${last_week} AS is_recent,
    COUNT(*) AS copies,
    CONCAT(
      CAST(game_date AS STRING), ' ', player_lookup, ' ', system_id, ' ',
      IFNULL(CAST(line_value AS STRING), 'NULL'), ': ', CAST(COUNT(*) AS STRING), ' rows'
    ) AS sample
  FROM ${accuracy}
  WHERE game_date BETWEEN ${first_day} AND ${today}
  GROUP BY game_date, player_lookup, game_id, system_id, line_value
  HAVING COUNT(*) > 1
)
