-- Some dates with the earliest row of each key alone, and what was read, for the guard inside the transaction. The
-- partition column is one of the columns of `window_row`.
SELECT
  ${columns},
  COUNT(*) OVER (PARTITION BY ${partition_column}) AS rows_read,
  MAX(${written_at}) OVER (PARTITION BY ${partition_column}) AS newest_read
FROM ${target}
WHERE ${partition_column} ${days}
QUALIFY NOT ${scope}
  OR ROW_NUMBER() OVER (
    PARTITION BY ${scope}, ${window_row}
    ORDER BY ${written_at} IS NULL, ${keep_order}
  ) = 1
