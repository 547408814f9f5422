-- What was staged, before anyone can see it, beside what the date has now: by keys alone, in one grouping.
SELECT
  IFNULL(SUM(staged), 0) AS staged_rows,
  COUNTIF(staged > 0) AS staged_keys,
  COUNTIF(staged > 1) AS duplicate_keys,
  IFNULL(SUM(present), 0) AS present_rows,
  COUNTIF(present > 0) AS present_keys,
  COUNTIF(staged > 0 AND present = 0) AS keys_added,
  COUNTIF(staged = 0 AND present > 0) AS keys_removed,
  STRING_AGG(IF(staged = 0, ${key_text}, NULL), '\n' LIMIT 20) AS removed_keys,
  (SELECT COUNT(*) FROM ${staging} WHERE ${partition_column} IS DISTINCT FROM ${date}) AS rows_off_date
FROM (
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
