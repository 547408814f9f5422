-- The rules by which this season was graded: a season that mixes them compares what is not alike.
SELECT
  GREATEST(COUNT(*) - 1, 0) AS rules_mixed,
  STRING_AGG(
    CONCAT(rules_version, ': ', CAST(grades AS STRING), ' grades from ', first_date, ' to ', last_date),
    '; ' ORDER BY rules_version LIMIT 10) AS rules_mixed_samples
FROM (
  SELECT
    IFNULL(rules_version, 'before rules had versions') AS rules_version,
    COUNT(*) AS grades,
    CAST(MIN(game_date) AS STRING) AS first_date,
    CAST(MAX(game_date) AS STRING) AS last_date
  FROM ${accuracy}
  WHERE game_date BETWEEN ${season_start} AND ${yesterday}
  GROUP BY rules_version
)
