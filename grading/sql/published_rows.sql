-- What is published of each date: its data token, the rows that its run published, and the rows that are there.
SELECT
  day,
  fence.token,
  fence.run_id,
  MAX(run.rows_inserted) AS rows_published,
  MAX(present.present_rows) AS rows_present
FROM UNNEST([${dates}]) AS day
JOIN ${fence} AS fence ON fence.lock_key = CAST(day AS STRING)
LEFT JOIN (
  SELECT run_id, game_date, rows_inserted
  FROM ${runs}
  WHERE game_date ${days} AND processor = ${processor} AND committed_at IS NOT NULL
) AS run ON run.run_id = fence.run_id AND run.game_date = day
LEFT JOIN (
  SELECT ${partition_column} AS present_date, COUNT(*) AS present_rows
  FROM ${target}
  WHERE ${partition_column} ${days}
  GROUP BY ${partition_column}
) AS present ON present.present_date = day
WHERE fence.lock_key IN (${lock_keys})
GROUP BY day, fence.token, fence.run_id
