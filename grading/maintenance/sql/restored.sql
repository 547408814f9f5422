-- Some dates as the backup has them, and what the table has now, for the guard inside the transaction.
SELECT
  backup.*,
  IFNULL(now.rows_now, 0) AS rows_read,
  now.newest_now AS newest_read
FROM ${backup} AS backup
LEFT JOIN (
  SELECT ${partition_column} AS now_date, COUNT(*) AS rows_now, MAX(${written_at}) AS newest_now
  FROM ${target}
  WHERE ${partition_column} ${days}
  GROUP BY ${partition_column}
) AS now ON now.now_date = backup.${partition_column}
WHERE backup.${partition_column} ${days}
