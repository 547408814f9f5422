-- Every key of each date, counted anew; and who published the date last, read in the same moment.
SELECT
  day,
  IFNULL(held.total_rows, 0) AS total_rows,
  IFNULL(held.distinct_keys, 0) AS distinct_keys,
  IFNULL(held.duplicate_keys, 0) AS duplicate_keys,
  IFNULL(findings.open_findings, 0) AS open_findings,
  fence.run_id AS fence_run_id
FROM UNNEST([${dates}]) AS day
LEFT JOIN (
  SELECT
    ${partition_column} AS held_date,
    SUM(copies) AS total_rows,
    COUNT(*) AS distinct_keys,
    COUNTIF(copies > 1) AS duplicate_keys
  FROM (
    SELECT ${partition_column}, COUNT(*) AS copies
    FROM ${target}
    WHERE ${partition_column} ${days}
    GROUP BY ${business_key}
  )
  GROUP BY ${partition_column}
) AS held ON held.held_date = day
LEFT JOIN (
  SELECT game_date, COUNT(*) AS open_findings
  FROM ${audit}
  WHERE game_date ${days} AND processor = ${processor} AND resolved_at IS NULL
  GROUP BY game_date
) AS findings ON findings.game_date = day
LEFT JOIN (
  SELECT lock_key, MAX(run_id) AS run_id
  FROM ${fence}
  WHERE lock_key IN (${lock_keys})
  GROUP BY lock_key
) AS fence ON fence.lock_key = CAST(day AS STRING)
