-- Every key of the date, counted anew: one row of totals, and up to 20 sample keys with more than one row.
WITH keys AS (
  SELECT ${business_key}, COUNT(*) AS copies
  FROM ${target}
  WHERE ${partition_column} = ${date}
  GROUP BY ${business_key}
),
samples AS (
  SELECT *
  FROM keys
  WHERE copies > 1
  ORDER BY copies DESC, ${business_key}
  LIMIT 20
)
SELECT
  'totals' AS kind,
  IFNULL(SUM(copies), 0) AS copies,
  COUNT(*) AS distinct_keys,
  COUNTIF(copies > 1) AS duplicate_keys,
  CAST(NULL AS STRING) AS written_at,
  (
    SELECT COUNT(*)
    FROM ${audit}
    WHERE game_date = ${date} AND processor = ${processor} AND resolved_at IS NULL
  ) AS open_findings,
  ${no_key_texts}
FROM keys
UNION ALL
SELECT
  'sample' AS kind,
  COUNT(*) AS copies,
  0 AS distinct_keys,
  0 AS duplicate_keys,
  STRING_AGG(FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%E6S', target.${written_at}), ', ' ORDER BY target.${written_at} LIMIT 10)
    AS written_at,
  0 AS open_findings,
  ${sample_key_texts}
FROM ${target} AS target
JOIN samples ON ${same_key}
WHERE target.${partition_column} = ${date}
GROUP BY ${sample_keys}
