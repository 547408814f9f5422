-- The date with the earliest row of each key alone, and what was read, for the guard inside the transaction.
SELECT
  ${columns},
  COUNT(*) OVER () AS rows_read,
  MAX(${written_at}) OVER () AS newest_read
FROM ${target}
WHERE ${partition_column} = ${date}
QUALIFY NOT ${scope}
  OR ROW_NUMBER() OVER (
    PARTITION BY ${scope}, ${window_row}
    ORDER BY ${written_at} IS NULL, ${keep_order}
  ) = 1
