-- What was staged for each date, before anyone can see it, beside what the date has now: by keys alone, in one grouping.
SELECT
  ${partition_column} AS measured_date,
  SUM(staged) AS staged_rows,
  COUNTIF(staged > 0) AS staged_keys,
  COUNTIF(staged > 1) AS duplicate_keys,
  SUM(present) AS present_rows,
  COUNTIF(present > 0) AS present_keys,
  COUNTIF(present = 0) AS keys_added,
  COUNTIF(staged = 0) AS keys_removed,
  STRING_AGG(IF(staged = 0, ${key_text}, NULL), '\n' LIMIT 20) AS removed_keys
FROM (
  SELECT ${business_key}, COUNT(staged_row) AS staged, COUNT(present_row) AS present
  FROM (
    SELECT ${business_key}, 1 AS staged_row, NULL AS present_row
    FROM ${staging}
    UNION ALL
    SELECT ${business_key}, NULL AS staged_row, 1 AS present_row
    FROM ${target}
    WHERE ${partition_column} ${days}
  )
  GROUP BY ${business_key}
)
GROUP BY ${partition_column}
