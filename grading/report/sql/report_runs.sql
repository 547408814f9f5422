-- The runs of some dates, the last of each date and processor.
SELECT * EXCEPT (place)
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY game_date, processor ORDER BY started_at DESC, run_id) AS place
  FROM ${runs}
  WHERE game_date IN (${dates})
)
WHERE place <= ${limit}
ORDER BY game_date, started_at, run_id
