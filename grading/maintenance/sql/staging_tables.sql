-- Tables of a dataset whose name is that of a staging table, with their size.
SELECT
  t.table_name,
  t.creation_time,
  IFNULL(p.total_rows, 0) AS total_rows,
  IFNULL(p.total_bytes, 0) AS total_bytes,
  p.modified
FROM ${tables} AS t
LEFT JOIN (
  SELECT
    table_name,
    SUM(total_rows) AS total_rows,
    SUM(total_logical_bytes) AS total_bytes,
    MAX(last_modified_time) AS modified
  FROM ${partitions}
  WHERE REGEXP_CONTAINS(table_name, ${pattern})
  GROUP BY table_name
) AS p ON p.table_name = t.table_name
WHERE t.table_type = 'BASE TABLE' AND REGEXP_CONTAINS(t.table_name, ${pattern})
ORDER BY t.creation_time, t.table_name
