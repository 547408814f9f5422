-- What was measured for each date, beside what the fence holds, how many rows cannot be stored, and how many rows of the
-- date the inputs have.
SELECT
  day,
  measured.*,
  fence.run_id AS found_run_id,
  fence.token AS found_token,
  unstored.rows_with_null,
  (
    SELECT COUNT(*)
    FROM ${staging}
    WHERE ${partition_column} IS NULL OR NOT ${partition_column} ${days}
  ) AS rows_off_date${input_columns}
FROM UNNEST([${dates}]) AS day
LEFT JOIN (
  ${measured}
) AS measured ON measured.measured_date = day
LEFT JOIN (
  SELECT lock_key, MAX(run_id) AS run_id, MAX(token) AS token
  FROM ${fence}
  WHERE lock_key IN (${lock_keys})
  GROUP BY lock_key
) AS fence ON fence.lock_key = CAST(day AS STRING)
LEFT JOIN (
  SELECT ${partition_column} AS unstored_date, COUNT(*) AS rows_with_null
  FROM ${staging}
  WHERE ${lacks_required}
  GROUP BY ${partition_column}
) AS unstored ON unstored.unstored_date = day${input_rows}
