-- What was staged for each date, before anyone can see it, beside what the date has now: by keys alone, in one grouping.
WITH date_keys AS (
  SELECT ${business_key}, COUNTIF(is_staged) AS staged, COUNTIF(NOT is_staged) AS present
  FROM (
    SELECT ${business_key}, TRUE AS is_staged
    FROM ${staging}
    UNION ALL
    SELECT ${business_key}, FALSE AS is_staged
    FROM ${target}
    WHERE ${partition_column} ${days}
  )
  GROUP BY ${business_key}
),
removed AS (
  SELECT ${partition_column} AS removed_date, STRING_AGG(key_text, '\n' LIMIT 20) AS removed_keys
  FROM (SELECT ${partition_column}, ${key_text} AS key_text FROM date_keys WHERE staged = 0)
  GROUP BY ${partition_column}
)
SELECT
  counted.*,
  removed.removed_keys
FROM (
  SELECT
    ${partition_column} AS measured_date,
    SUM(staged) AS staged_rows,
    COUNTIF(staged > 0) AS staged_keys,
    COUNTIF(staged > 1) AS duplicate_keys,
    SUM(present) AS present_rows,
    COUNTIF(present > 0) AS present_keys,
    COUNTIF(staged > 0 AND present = 0) AS keys_added,
    COUNTIF(staged = 0) AS keys_removed
  FROM date_keys
  GROUP BY ${partition_column}
) AS counted
LEFT JOIN removed ON removed.removed_date = counted.measured_date
