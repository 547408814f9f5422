-- Up to 20 business keys whose rows differ in more than when they were written, and in which columns.
SELECT *
FROM (
  SELECT
    ${key_texts},
    COUNT(*) AS copies,
    TRIM(CONCAT(${differing_columns})) AS differs_in
  FROM ${target} AS target
  WHERE ${partition_column} BETWEEN ${start} AND ${end} AND ${scope}
  GROUP BY ${key}
  HAVING COUNT(*) > 1
)
WHERE differs_in != ''
ORDER BY copies DESC, ${key}
LIMIT 20
