-- The date as the backup has it, and what the table has now, for the guard inside the transaction.
SELECT
  backup.*,
  (SELECT COUNT(*) FROM ${target} WHERE ${partition_column} = ${date}) AS rows_read,
  (SELECT MAX(${written_at}) FROM ${target} WHERE ${partition_column} = ${date}) AS newest_read
FROM ${backup} AS backup
WHERE ${partition_column} = ${date}
