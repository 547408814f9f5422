-- What was staged, before anyone can see it; and how many rows the date has now (an upper bound of its keys).
SELECT
  IFNULL(SUM(copies), 0) AS staged_rows,
  COUNT(*) AS staged_keys,
  COUNTIF(copies > 1) AS duplicate_keys,
  (SELECT COUNT(*) FROM ${staging} WHERE ${partition_column} IS DISTINCT FROM ${date}) AS rows_off_date,
  (SELECT COUNT(*) FROM ${target} WHERE ${partition_column} = ${date}) AS present_rows
FROM (
  SELECT COUNT(*) AS copies
  FROM ${staging}
  GROUP BY ${business_key}
)
