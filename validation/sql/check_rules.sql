-- Dates of the season that were graded by other rules than the latest grade.
WITH versions AS (
  SELECT game_date, IFNULL(CAST(${rules_version} AS STRING), 'none') AS version, MAX(graded_at) AS graded_at
  FROM ${accuracy}
  WHERE game_date BETWEEN ${season_start} AND ${yesterday}
  GROUP BY game_date, version
),
latest AS (
  SELECT version FROM versions ORDER BY graded_at DESC, version DESC LIMIT 1
),
by_version AS (
  SELECT
    versions.version,
    COUNT(*) AS dates,
    MIN(versions.game_date) AS first_date,
    MAX(versions.game_date) AS last_date
  FROM versions
  JOIN latest ON latest.version != versions.version
  GROUP BY versions.version
)
SELECT
  IFNULL(SUM(dates), 0) AS mixed_rules,
  STRING_AGG(
    CONCAT(
      'version ', version, ': ', CAST(dates AS STRING), ' dates from ', CAST(first_date AS STRING), ' to ',
      CAST(last_date AS STRING)
    ),
    '; ' ORDER BY first_date
  ) AS mixed_rules_samples,
  MIN(first_date) AS mixed_rules_start,
  MAX(last_date) AS mixed_rules_end
FROM by_version
