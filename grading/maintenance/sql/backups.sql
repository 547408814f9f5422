-- The backups that are there: snapshots delete themselves when their time is over.
SELECT table_name
FROM ${tables}
WHERE STARTS_WITH(table_name, 'backup-')
ORDER BY table_name
