-- Whether an event has published the date before: then its delivery now is a repeat.
SELECT COUNT(*) AS runs
FROM ${runs}
WHERE game_date = ${date}
  AND processor = ${processor}
  AND event_id = ${event_id}
  AND committed_at IS NOT NULL
