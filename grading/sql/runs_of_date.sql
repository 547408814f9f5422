SELECT *
FROM ${runs}
WHERE game_date = ${date}
ORDER BY started_at DESC, run_id
