-- After a repair, by date: each key of the backup has exactly one row, its earliest, and what was out of scope is all
-- there.
SELECT
  ${partition_column} AS day,
  COUNTIF(
    in_scope
    AND (now_rows != 1 OR backup_rows = 0 OR now_written_at IS DISTINCT FROM backup_written_at)
    OR NOT in_scope AND now_rows != backup_rows
  ) AS wrong_keys,
  COUNT(*) AS keys
FROM (
  SELECT
    ${partition_column},
    in_scope,
    COUNTIF(is_now) AS now_rows,
    COUNTIF(NOT is_now) AS backup_rows,
    MIN(IF(is_now, ${written_at}, NULL)) AS now_written_at,
    MIN(IF(is_now, NULL, ${written_at})) AS backup_written_at
  FROM (
    SELECT ${comparable_row}, ${scope} AS in_scope, ${written_at}, TRUE AS is_now
    FROM ${target}
    WHERE ${partition_column} ${days}
    UNION ALL
    SELECT ${comparable_row}, ${scope} AS in_scope, ${written_at}, FALSE AS is_now
    FROM ${backup}
    WHERE ${partition_column} ${days}
  )
  GROUP BY ${one_row_per}, in_scope
)
GROUP BY day
