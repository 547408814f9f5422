-- How many predictions a system makes a game date, and which systems fell silent. A system that has been silent for
-- longer than the window was reported then.
WITH daily AS (
  SELECT game_date, system_id, COUNT(*) AS predictions
  FROM ${predictions}
  WHERE game_date BETWEEN ${four_weeks_before} AND ${today}
  GROUP BY game_date, system_id
),
systems AS (
  SELECT
    system_id,
    MAX(game_date) AS last_date,
    AVG(IF(game_date BETWEEN ${start} AND ${yesterday}, predictions, NULL)) AS now,
    AVG(IF(game_date < ${start}, predictions, NULL)) AS before
  FROM daily
  GROUP BY system_id
),
volume AS (
  SELECT SUM(now) AS now, SUM(before) AS before, COUNT(*) AS systems
  FROM systems
  WHERE now IS NOT NULL AND before IS NOT NULL
),
silent AS (
  SELECT system_id, last_date
  FROM systems
  WHERE last_date < ${start}
    AND last_date >= ${window_before}
    AND EXISTS (SELECT 1 FROM daily WHERE game_date BETWEEN ${start} AND ${yesterday})
)
SELECT
  ABS(SAFE_DIVIDE(volume.now, volume.before) - 1) AS prediction_volume,
  CONCAT(
    IFNULL(CAST(ROUND(SAFE_DIVIDE(volume.now, volume.systems)) AS STRING), 'none'), ' a system and game date, ',
    IFNULL(CAST(ROUND(SAFE_DIVIDE(volume.before, volume.systems)) AS STRING), 'none'), ' in the 4 weeks before'
  ) AS prediction_volume_samples,
  (SELECT COUNT(*) FROM silent) AS system_coverage,
  (
    SELECT STRING_AGG(CONCAT(system_id, ', last on ', CAST(last_date AS STRING)), '; ' ORDER BY system_id)
    FROM silent
  ) AS system_coverage_samples
FROM volume
