-- A writer that knows no fence (the predictions have many) shows itself only by its rows.
SELECT IF(
  (SELECT COUNT(*) FROM ${target} WHERE ${partition_column} = ${date})
  != (SELECT IFNULL(MAX(rows_read), 0) FROM ${staging})
  OR (SELECT MAX(${written_at}) FROM ${target} WHERE ${partition_column} = ${date})
  IS DISTINCT FROM (SELECT MAX(newest_read) FROM ${staging}),
  ERROR('grading:rows_moved'),
  0);
