-- The rows of a date by the run that wrote them; rows without a run were written by another program.
SELECT
  run_id,
  COUNT(*) AS row_count,
  UNIX_MILLIS(MIN(${written_at})) AS first_ms,
  UNIX_MILLIS(MAX(${written_at})) AS last_ms
FROM ${target}
WHERE ${partition_column} = ${date}
GROUP BY run_id
ORDER BY row_count DESC, run_id
LIMIT 50
