-- What repairs have changed, each with the backup that was made before it. Written by their own transactions.
SELECT detail AS backup, processor, game_date, run_id, trigger_source, rows_deleted, rows_inserted, committed_at
FROM ${runs}
WHERE status = 'repaired'
  AND STARTS_WITH(detail, ${backup_prefix})
ORDER BY committed_at
