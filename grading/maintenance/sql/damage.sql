-- For each date: rows, business keys, and rows that are copies. Variants are the rows of one key that differ in
-- more than when they were written and by which run.
SELECT
  day,
  SUM(copies) AS total_rows,
  COUNT(*) AS distinct_keys,
  COUNTIF(copies > 1) AS duplicate_keys,
  COUNTIF(variants > 1) AS differing_keys,
  SUM(variants) AS distinct_rows
FROM (
  SELECT ${partition_column} AS day, SUM(copies) AS copies, COUNT(*) AS variants
  FROM (
    SELECT ${content}, COUNT(*) AS copies
    FROM (
      SELECT ${comparable_content}
      FROM ${target}
      WHERE ${partition_column} BETWEEN ${start} AND ${end} AND ${scope}
    )
    GROUP BY ${content}
  )
  GROUP BY ${key}
)
GROUP BY day
ORDER BY day
