-- The runs since a moment, whatever started them: what is left of a backfill is judged by them.
SELECT trigger_source, processor, game_date, status, started_at, committed_at
FROM ${runs}
WHERE started_at >= ${since}
ORDER BY started_at
