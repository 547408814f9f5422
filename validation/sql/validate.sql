-- Every key of the date, counted anew.
SELECT
  IFNULL(SUM(copies), 0) AS total_rows,
  COUNT(*) AS distinct_keys,
  COUNTIF(copies > 1) AS duplicate_keys,
  (
    SELECT COUNT(*)
    FROM ${audit}
    WHERE game_date = ${date} AND processor = ${processor} AND resolved_at IS NULL
  ) AS open_findings
FROM (
  SELECT COUNT(*) AS copies
  FROM ${target}
  WHERE ${partition_column} = ${date}
  GROUP BY ${business_key}
)
