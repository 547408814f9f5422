-- Every key of the date, counted anew; and who published the date last, read in the same moment.
SELECT
  IFNULL(SUM(copies), 0) AS total_rows,
  COUNT(*) AS distinct_keys,
  COUNTIF(copies > 1) AS duplicate_keys,
  (
    SELECT COUNT(*)
    FROM ${audit}
    WHERE game_date = ${date} AND processor = ${processor} AND resolved_at IS NULL
  ) AS open_findings,
  (SELECT MAX(run_id) FROM ${fence} WHERE lock_key = ${lock_key}) AS fence_run_id
FROM (
  SELECT COUNT(*) AS copies
  FROM ${target}
  WHERE ${partition_column} = ${date}
  GROUP BY ${business_key}
)
