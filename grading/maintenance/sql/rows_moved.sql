-- The dates whose rows are not those that a repair read. A writer that knows no fence (the predictions have many) shows
-- itself only by its rows.
SELECT day
FROM UNNEST([${dates}]) AS day
LEFT JOIN (
  SELECT ${partition_column} AS now_date, COUNT(*) AS rows_now, MAX(${written_at}) AS newest_now
  FROM ${target}
  WHERE ${partition_column} ${days}
  GROUP BY ${partition_column}
) AS now ON now.now_date = day
LEFT JOIN (
  SELECT ${partition_column} AS read_date, MAX(rows_read) AS rows_read, MAX(newest_read) AS newest_read
  FROM ${staging}
  GROUP BY ${partition_column}
) AS staged ON staged.read_date = day
WHERE IFNULL(now.rows_now, 0) != IFNULL(staged.rows_read, 0)
  OR now.newest_now IS DISTINCT FROM staged.newest_read
