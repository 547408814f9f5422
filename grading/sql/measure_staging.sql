-- What was staged, before anyone can see it, beside what the date has now: by keys alone, in one grouping.
WITH date_keys AS (
  SELECT ${business_key}, COUNTIF(is_staged) AS staged, COUNTIF(NOT is_staged) AS present
  FROM (
    SELECT ${business_key}, TRUE AS is_staged
    FROM ${staging}
    UNION ALL
    SELECT ${business_key}, FALSE AS is_staged
    FROM ${target}
    WHERE ${partition_column} = ${date}
  )
  GROUP BY ${business_key}
)
SELECT
  IFNULL(SUM(staged), 0) AS staged_rows,
  COUNTIF(staged > 0) AS staged_keys,
  COUNTIF(staged > 1) AS duplicate_keys,
  IFNULL(SUM(present), 0) AS present_rows,
  COUNTIF(present > 0) AS present_keys,
  COUNTIF(staged > 0 AND present = 0) AS keys_added,
  COUNTIF(staged = 0) AS keys_removed,
  (
    SELECT STRING_AGG(key_text, '\n')
    FROM (SELECT ${key_text} AS key_text FROM date_keys WHERE staged = 0 LIMIT 20)
  ) AS removed_keys,
  (SELECT COUNT(*) FROM ${staging} WHERE ${partition_column} IS DISTINCT FROM ${date}) AS rows_off_date
FROM date_keys
