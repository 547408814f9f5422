-- One date of two tables, key by key: what only one has, and in which columns they differ.
SELECT
  ${key_texts},
  CASE WHEN other_rows = 0 THEN 'only in ours' WHEN own_rows = 0 THEN 'only in the other' ELSE 'differs' END AS kind,
  TRIM(differs_in) AS differs_in
FROM (
  SELECT
    ${key},
    COUNTIF(is_own) AS own_rows,
    COUNTIF(NOT is_own) AS other_rows,
    CONCAT(${differing_columns}) AS differs_in
  FROM (
    SELECT ${comparable_columns}, TRUE AS is_own
    FROM ${target}
    WHERE ${partition_column} = ${date}
    UNION ALL
    SELECT ${other_columns}, FALSE AS is_own
    FROM ${other}
    WHERE ${partition_column} = ${date}
  )
  GROUP BY ${key}
) AS target
WHERE own_rows != other_rows OR differs_in != ''
ORDER BY ${key}
