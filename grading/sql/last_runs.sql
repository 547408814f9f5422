SELECT *
FROM ${runs}
ORDER BY started_at DESC, run_id
LIMIT ${count}
