-- How far each earlier backfill of this very range came.
SELECT trigger_source, processor, game_date, status, started_at
FROM ${runs}
WHERE game_date BETWEEN ${first} AND ${last}
  AND STARTS_WITH(trigger_source, ${prefix})
ORDER BY started_at
