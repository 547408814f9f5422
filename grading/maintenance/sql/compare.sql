-- Each date beside its backup, row by row in every column: rows written since are those that the backup lacks.
SELECT
  ${partition_column} AS day,
  IFNULL(SUM(now_rows), 0) AS rows_now,
  IFNULL(SUM(backup_rows), 0) AS rows_in_backup,
  COUNTIF(backup_rows = 0) AS written_since,
  COUNTIF(now_rows != backup_rows) AS differing
FROM (
  SELECT ${partition_column}, COUNTIF(is_now) AS now_rows, COUNTIF(NOT is_now) AS backup_rows
  FROM (
    SELECT ${comparable_columns}, TRUE AS is_now
    FROM ${target}
    WHERE ${partition_column} ${days}
    UNION ALL
    SELECT ${comparable_columns}, FALSE AS is_now
    FROM ${backup}
    WHERE ${partition_column} ${days}
  )
  GROUP BY ${columns}
)
GROUP BY day
